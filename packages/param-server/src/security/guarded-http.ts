/**
 * An HTTP server that no client can monopolize. A connection without a request is a stranger in the sense of {@link
 * ConnectionGate}. The number of open connections, the time of a request, and the time a reader may take nothing are
 * all limited.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ConnectionGate, type Visit } from './connection-gate.js';
import type { RefusalLog } from './refusal-log.js';

export interface HttpLimits {
  /** The greatest number of open connections that have made a request. */
  readonly most: number;
  /** How long a request may take to arrive, in seconds. */
  readonly requestSeconds: number;
  /** Whether a request lets its connection in; by default any request does. */
  readonly admits?: (request: IncomingMessage) => boolean;
  /** Notes connections that are closed because they are too many, or make no request. */
  readonly refusals: RefusalLog;
}

/** Enough for new clients to connect while others do the same, and too few to hold much memory. */
const mostStrangers = 32;
/** Time limit for a stranger's first request: browsers and Prometheus send one as soon as they have connected. */
const strangerSeconds = 5;
/** A connection is closed after this many seconds without taking any data. */
const silentSeconds = 30;

/** Creates a server that does not listen yet. */
export function createGuardedServer(
  { most, requestSeconds, admits = () => true, refusals }: HttpLimits,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const gate = new ConnectionGate({ most, mostStrangers, strangerSeconds }, refusals);
  const visits = new WeakMap<object, Visit>();
  const times = { headersTimeout: 1000 * strangerSeconds, requestTimeout: 1000 * requestSeconds };
  const server = createServer({ ...times, connectionsCheckingInterval: 1000 }, (request, response) => {
    if (admits(request) && !visits.get(request.socket)?.admit()) return;
    listener(request, response);
  });
  server.timeout = 1000 * silentSeconds;
  server.on('connection', (socket) => {
    const visit = gate.enter(socket.remoteAddress ?? 'an unknown address', () => socket.destroy());
    visits.set(socket, visit);
    socket.once('close', () => visit.end());
  });
  return server;
}
