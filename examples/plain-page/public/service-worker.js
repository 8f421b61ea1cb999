// Stores the page's own files, including ONNX Runtime's WebAssembly, so that the page opens without the network. It
// does not store the bundle in model/: the runtime stores that itself, verified.
const cacheName = 'page';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const ours = url.startsWith(self.registration.scope) && !url.startsWith(`${self.registration.scope}model/`);
  if (method === 'GET' && ours) event.respondWith(answer(event));
});

/**
 * Answers a request. Files in assets/ have their content's hash in their name and never change; others come from the
 * network if possible. Some servers send a web page instead of a missing file; such a page is not stored.
 */
async function answer(event) {
  const { request } = event;
  const cache = await caches.open(cacheName);
  const kept = await cache.match(request);
  if (kept && request.url.startsWith(`${self.registration.scope}assets/`)) return kept;
  try {
    const response = await fetch(request);
    if (!response.ok && kept) return kept;
    const isPage = response.headers.get('content-type')?.startsWith('text/html');
    if (response.ok && (!isPage || request.mode === 'navigate')) event.waitUntil(cache.put(request, response.clone()));
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}
