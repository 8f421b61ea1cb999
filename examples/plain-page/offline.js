// Stores the files of this page, so that it opens without the network. Nothing waits for this: a page may have no
// service worker, for example in a sandboxed frame, and after a reload past the cache none answers for it.

/** Stores the page's files. Resolves to whether the page opens without the network from now on. */
export async function keepForOffline() {
  try {
    await navigator.serviceWorker.register('./service-worker.js');
    const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
    const ours = [location.href, ...loaded].filter(
      (url) => url.startsWith(location.origin) && !url.includes('/model/'),
    );
    const cache = await caches.open('page');
    await cache.addAll([...new Set(ours)]);
    return true;
  } catch (error) {
    console.warn(`This page needs the network: ${error.message}`);
    return false;
  }
}
