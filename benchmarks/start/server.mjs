// Serves a folder as a static host does, with text and code compressed by gzip, and counts the bytes on its sockets.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const types = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.onnx': 'application/octet-stream',
};
const compressed = new Set(['.html', '.css', '.js', '.mjs', '.json', '.wasm']);

/** Serves `folder` on loopback. `bytes()` returns the number of bytes on all sockets, in both directions. */
export async function serveFolder(folder) {
  const sockets = [];
  const server = createServer((request, response) => answer(folder, request, response));
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    bytes: () => sockets.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(folder, request, response) {
  const path = join(folder, new URL(request.url, 'http://localhost').pathname.replace(/\/$/, '/index.html'));
  if (!existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  const tag = `"${statSync(path).mtimeMs}"`;
  const type = extname(path);
  response.setHeader('content-type', types[type] ?? 'application/octet-stream');
  // Cache headers of static hosts: files with a hash in their name never change; others are requested again.
  response.setHeader('cache-control', path.includes('/assets/') ? 'max-age=31536000, immutable' : 'no-cache');
  response.setHeader('etag', tag);
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return;
  }
  if (compressed.has(type)) {
    response.setHeader('content-encoding', 'gzip');
    await pipeline(createReadStream(path), createGzip(), response);
  } else {
    await pipeline(createReadStream(path), response);
  }
}
