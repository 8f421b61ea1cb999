// Stores the page's files, so that it opens without the network. The build puts in front of this file `files`, the list
// of them, and `version`, their hash: all files of a new build are fetched before it replaces the old one. The bundle
// is not among them, because the runtime stores it. Files that only some models need are stored when they are first
// used.
const cacheName = `page-${version}`;

self.addEventListener('install', (event) => {
  self.skipWaiting();
  // Bypass the HTTP cache, which may still have files of the previous build.
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

/** Answers with the stored file, or else fetches and stores it. */
async function answer(request) {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  const isPage = response.headers.get('content-type')?.startsWith('text/html'); // some servers send a page instead of a missing file
  if (response.ok && !isPage) await cache.put(request, response.clone());
  return response;
}

async function deleteOldVersions() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('page-') && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
}
