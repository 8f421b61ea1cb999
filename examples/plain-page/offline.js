// Lets the service worker keep what this page is made of. The first visit begins before there is a service worker, so what
// was loaded by then is asked for once more, through it.

/** Resolves when a service worker answers for this page; at once where there is none to be had. */
export async function keepForOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker || serviceWorker.controller) return;
  const inControl = new Promise((resolve) => {
    serviceWorker.addEventListener('controllerchange', resolve, { once: true });
  });
  await serviceWorker.register('./service-worker.js');
  await inControl;
  const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
  await Promise.all(
    [location.href, ...loaded].filter((url) => url.startsWith(location.origin)).map((url) => fetch(url)),
  );
}
