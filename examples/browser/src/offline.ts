/** Lets a service worker keep the page's files. The bundle is kept by the runtime, which verifies it. */

/** Whether the page opens without the network from now on. */
export async function keepForOffline(): Promise<boolean> {
  if (!('serviceWorker' in navigator)) return false;
  try {
    const { installing } = await navigator.serviceWorker.register('./service-worker.js');
    return installing ? await installed(installing) : true;
  } catch {
    return false; // the browser refuses, or the server lacks the file
  }
}

/** Whether it came to have all files. */
function installed(worker: ServiceWorker): Promise<boolean> {
  return new Promise((resolve) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(true);
      if (worker.state === 'redundant') resolve(false);
    });
  });
}
