/** Replaces a worker in pages that may not start one: answers in the page's own thread. */
import { loadOnWasm } from '../loading/on-wasm.js';
import { type Line, serve } from './serve.js';
import type { Endpoint } from './worker-line.js';

export function serveHere(): Endpoint {
  const { port1: page, port2: server } = new MessageChannel();
  const dispose = serve(server as unknown as Line, loadOnWasm);
  server.start();
  page.start();
  return {
    postMessage: page.postMessage.bind(page),
    addEventListener: page.addEventListener.bind(page) as Worker['addEventListener'],
    terminate() {
      page.close();
      server.close();
      dispose();
    },
  };
}
