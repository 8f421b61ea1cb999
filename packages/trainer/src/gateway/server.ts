/**
 * The gateway's HTTP side: `GET /round` describes the round, `POST /contributions` takes an update. It reads at most an
 * update's size, and does not speak TLS: a proxy in front of it does.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { createGuardedServer, RefusalLog } from '@unroll/param-server/config';
import { UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import type { FederatedRound } from './round.js';

export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  /** The secret that all clients must present, if any. */
  readonly token: string | undefined;
  /** The secrets of individual clients, from each of which a round takes one update. */
  readonly clientTokens?: readonly string[] | undefined;
  /** The origin of the pages that may send requests. */
  readonly origin: string;
  /** Called after each update that is taken. */
  readonly onUpdate: () => void;
}

/** Limited, because each may hold an update in memory. */
const mostConnections = 32;
/** In seconds. */
const longestRequest = 60;
/** How long a client may take for its answer when the round is over, in milliseconds. */
const longestGoodbye = 1000;

/** The sender of a request; the client is named if each has a separate token. */
interface Sender {
  readonly client?: string;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

/** Serves the round until it is closed. @throws UnrollError if the address cannot be listened on */
export async function serveRound(
  round: FederatedRound,
  options: GatewayOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  const senderOf = admission(options);
  const refusals = new RefusalLog((line) => log(line, 'warning'));
  const limits = {
    ...{ most: mostConnections, requestSeconds: longestRequest },
    admits: (request: IncomingMessage) => senderOf(request) !== undefined,
    refusals,
  };
  const server = createGuardedServer(limits, (request, response) => {
    answer(round, options, senderOf(request), request).then(
      (reply) => send(response, reply, options.origin),
      () => request.destroy(),
    );
  });
  server.once('close', () => refusals.close());
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(options.host) ? `[${options.host}]` : options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), longestGoodbye);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

async function answer(
  round: FederatedRound,
  options: GatewayOptions,
  sender: Sender | undefined,
  request: IncomingMessage,
): Promise<Reply> {
  if (request.method === 'OPTIONS') return { status: 204, body: '' };
  if (!sender) return { status: 401, body: 'the token is missing or wrong\n' };
  if (request.method === 'GET' && request.url === '/round') return { status: 200, body: JSON.stringify(round.terms) };
  if (request.method === 'POST' && request.url === '/contributions') return takeUpdate(round, options, sender, request);
  return { status: 404, body: 'there is GET /round and POST /contributions\n' };
}

async function takeUpdate(
  round: FederatedRound,
  options: GatewayOptions,
  sender: Sender,
  request: IncomingMessage,
): Promise<Reply> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key.length > 64) return { status: 400, body: 'an idempotency-key is missing\n' };
  if (request.headers['unroll-model'] !== round.terms.model) {
    return { status: 409, body: 'the update is of another model; load the newest bundle\n' };
  }
  const bytes = await readBody(request, 4 * round.terms.parameters);
  if (!bytes) return { status: 413, body: `an update has ${4 * round.terms.parameters} bytes\n` };
  const refusal = round.add(key, new Float32Array(bytes), sender.client);
  if (refusal) return { status: refusal.status, body: `${refusal.reason}\n` };
  options.onUpdate();
  return { status: 202, body: 'taken\n' };
}

/** Returns the body, if it has exactly `size` bytes. */
async function readBody(request: IncomingMessage, size: number): Promise<ArrayBuffer | undefined> {
  if (Number(request.headers['content-length']) !== size) return undefined;
  const body = new Uint8Array(size);
  let read = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    body.set(chunk, read);
    read += chunk.length;
  }
  return body.buffer;
}

/**
 * Returns a function that finds the sender of a request by its token; it returns undefined for one that may not
 * contribute.
 */
function admission({ token, clientTokens }: GatewayOptions): (request: IncomingMessage) => Sender | undefined {
  const clients = clientTokens && new Set(clientTokens.map(digestOf));
  const shared = token === undefined ? undefined : digestOf(token);
  return ({ headers }) => {
    const shown = digestOf(headers.authorization?.replace(/^Bearer /, '') ?? '');
    if (clients) return clients.has(shown) ? { client: shown } : undefined;
    return shared === undefined || shown === shared ? {} : undefined;
  };
}

/** Returns a token's digest. Tokens are compared by digest, so that the time of a comparison reveals nothing. */
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function send(response: ServerResponse, { status, body }: Reply, origin: string): void {
  response.writeHead(status, {
    'access-control-allow-origin': origin,
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, unroll-model',
    'content-type': status === 200 ? 'application/json' : 'text/plain',
    connection: 'close', // a device has one or two things to say, and a finished round waits for no idle connection
  });
  response.end(body);
}

function listen(server: Server, { host, port }: GatewayOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new UnrollError(`--host ${host} --port ${port}: cannot listen there (${error.code}); choose another`));
    });
    server.listen(port, host, resolve);
  });
}
