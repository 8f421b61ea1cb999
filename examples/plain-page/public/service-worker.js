// Keeps the page's own files, ONNX Runtime's WebAssembly among them, so that the page opens without the network. Not the
// bundle in model/: the runtime keeps that itself, verified.
const cacheName = 'page';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const ours = url.startsWith(self.registration.scope) && !url.startsWith(`${self.registration.scope}model/`);
  if (method === 'GET' && ours) event.respondWith(answer(event));
});

/**
 * Files in assets/ have their content's hash in their name and never change; others come from the network if they can. A web
 * page in the place of another file, as some servers answer for what is not there, is not kept.
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
