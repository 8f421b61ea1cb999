/**
 * Serves the page of runs over HTTP: its files, and its data as Server-Sent Events. The page is read-only and has no access
 * control.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createGuardedServer, foreignHost, isOwnHost, RefusalLog } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import { type PageAddress, urlOf } from './page-address.js';

export interface PageServer {
  readonly url: string;
  /** Sends the last data, then stops. */
  close(): Promise<void>;
}

/** Returns the next data for one reader of the page: everything that it has not received yet. */
export type Feed = () => Promise<object>;

const { resolve } = createRequire(import.meta.url);
// The page is not TypeScript: it stays among the sources when the package is built.
const ownFile = (name: string) => fileURLToPath(new URL(`../../src/dashboard/page/${name}`, import.meta.url));

const files = new Map<string, { readonly path: string; readonly type: string }>([
  ['/', { path: ownFile('index.html'), type: 'text/html' }],
  ...['main.js', 'runs.js', 'details.js', 'charts.js', 'chart.js', 'workers.js', 'numbers.js'].map(
    (name) => [`/${name}`, { path: ownFile(name), type: 'text/javascript' }] as const,
  ),
  ['/style.css', { path: ownFile('style.css'), type: 'text/css' }],
  ['/uplot.js', { path: resolve('uplot/dist/uPlot.esm.js'), type: 'text/javascript' }],
  ['/uplot.css', { path: resolve('uplot/dist/uPlot.min.css'), type: 'text/css' }],
]);

const headers = {
  'content-security-policy': "default-src 'self'; img-src data:; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const updateMilliseconds = 1000;

/** The limit on simultaneous connections: each viewer needs a few for the page's files and one for its data. */
const mostConnections = 64;
/** The limit on those that read the data. */
const mostReaders = 32;
/** The limit on a reader's unread bytes; the curves of a long run take a megabyte. */
const mostUnread = 16 * 2 ** 20;

/** How long readers may take for the last data. */
const goodbyeMilliseconds = 1000;

/**
 * @param newFeed creates the feed of one reader, which is called now and every second
 * @throws UnrollError if the address cannot be listened on
 */
export async function servePage(address: PageAddress, newFeed: () => Feed): Promise<PageServer> {
  const readers = new Map<ServerResponse, Feed>();
  const refusals = new RefusalLog((line) => log(line, 'warning'));
  const limits = { most: mostConnections, requestSeconds: 5, refusals };
  const server = createGuardedServer(limits, ({ method, url, headers: asked }, response) => {
    // Do not use `new URL`: the request's target may not be a valid URL, such as `//`.
    const path = (url ?? '/').split('?', 1)[0]!;
    const file = files.get(path);
    if (!isOwnHost(asked.host, address.host)) {
      response.writeHead(421, headers).end(foreignHost);
    } else if (method !== 'GET') {
      response.writeHead(405, { ...headers, allow: 'GET' }).end('there is only GET\n');
    } else if (path === '/events' && readers.size >= mostReaders) {
      response.writeHead(503, headers).end(`${mostReaders} others read the run's data; close one of their pages\n`);
    } else if (path === '/events') {
      response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
      readers.set(response, newFeed());
      response.once('close', () => readers.delete(response));
      void send(response);
    } else if (file) {
      response.writeHead(200, { ...headers, 'content-type': `${file.type}; charset=utf-8` });
      response.end(readFileSync(file.path));
    } else {
      response.writeHead(404, headers).end('there is no such page\n');
    }
  });
  server.once('close', () => refusals.close());
  const send = async (response: ServerResponse): Promise<void> => {
    if (response.writableLength > mostUnread) response.destroy();
    const update = await readers.get(response)?.();
    if (update && !response.writableEnded) response.write(`data: ${JSON.stringify(update)}\n\n`);
  };
  const sendAll = () => Promise.all([...readers.keys()].map(send));

  try {
    await once(server.listen(address.port, address.host), 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const { flag = option('dashboard') } = address;
    throw new UnrollError(
      `${flag}: cannot listen on ${address.host}:${address.port} (${code}); choose another port, as in ${flag} 7071`,
    );
  }
  const timer = setInterval(() => void sendAll(), updateMilliseconds);
  return {
    url: urlOf({ host: address.host, port: (server.address() as AddressInfo).port }),
    close: async () => {
      clearInterval(timer);
      await sendAll();
      for (const response of readers.keys()) response.end();
      server.close();
      server.closeIdleConnections();
      // A reader that takes nothing would keep the process alive.
      setTimeout(() => server.closeAllConnections(), goodbyeMilliseconds).unref();
    },
  };
}
