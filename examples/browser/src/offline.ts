/** Lets a service worker store the page's files. The runtime stores the bundle, and verifies it. */

/** Stores the page's files. Resolves to whether the page opens without the network from now on. */
export async function keepForOffline(): Promise<boolean> {
  if (!('serviceWorker' in navigator)) return false;
  try {
    const { installing } = await navigator.serviceWorker.register('./service-worker.js');
    return installing ? await installed(installing) : true;
  } catch {
    return false; // the browser refuses, or the server lacks the file
  }
}

/** Resolves to whether the worker has stored all files. */
function installed(worker: ServiceWorker): Promise<boolean> {
  return new Promise((resolve) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(true);
      if (worker.state === 'redundant') resolve(false);
    });
  });
}
