// Keeps the page's files, so that it opens without the network. The build puts before this `files`, the list of them, and
// `version`, their hash: a new build is fetched whole before it takes the place of the old one. Not kept: the bundle,
// which the runtime keeps, and what only some models need, which is kept when it is first used.
const cacheName = `page-${version}`;

self.addEventListener('install', (event) => {
  self.skipWaiting();
  // Past the HTTP cache, which may still have files of the build before.
  const requests = files.map((file) => new Request(file, { cache: 'reload' }));
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(requests)));
});

self.addEventListener('activate', (event) => event.waitUntil(deleteOldVersions().then(() => self.clients.claim())));

self.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const path = url.startsWith(self.registration.scope) ? url.slice(self.registration.scope.length) : undefined;
  if (method !== 'GET' || path === undefined) return;
  if (event.request.mode === 'navigate') event.respondWith(answer('./'));
  else if (path.startsWith('assets/')) event.respondWith(answer(event.request));
});

/** The file as it is kept, else from the network, and kept. */
async function answer(request) {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  const isPage = response.headers.get('content-type')?.startsWith('text/html'); // not the file: some servers answer so
  if (response.ok && !isPage) await cache.put(request, response.clone());
  return response;
}

async function deleteOldVersions() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('page-') && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
}
