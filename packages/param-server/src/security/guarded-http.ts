/**
 * An HTTP server of which nobody can take more than a share: who has asked for nothing yet is a stranger in the sense of
 * {@link ConnectionGate}, and what is open at once is bounded, as is the time of a request and of a reader that takes nothing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ConnectionGate, type Visit } from './connection-gate.js';
import type { RefusalLog } from './refusal-log.js';

export interface HttpLimits {
  /** How many connections that have asked for something may be open. */
  readonly most: number;
  /** How long a request may take to arrive. */
  readonly requestSeconds: number;
  /** Whether a request lets its connection in; by default any does. */
  readonly admits?: (request: IncomingMessage) => boolean;
  /** Hears of connections that are closed because they are too many, or ask nothing. */
  readonly refusals: RefusalLog;
}

/** Strangers are enough to connect while others do, and too few to hold much. */
const mostStrangers = 32;
/** In which a stranger must have asked: browsers and Prometheus ask as soon as they have connected. */
const strangerSeconds = 5;
/** In which a connection must take something of what it is sent. */
const silentSeconds = 30;

/** A server that does not listen yet. */
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
