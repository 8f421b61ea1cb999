/** `GET /metrics` over HTTP, in Prometheus's text format. Whoever reaches the port may read; nothing can be changed there. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import { ParameterServerError } from '../client/errors.js';
import { ConnectionGate, type GateLimits, type Visit } from '../security/connection-gate.js';
import { foreignHost, isOwnHost } from '../security/own-host.js';
import type { RefusalLog } from '../security/refusal-log.js';

export interface MetricsEndpoint {
  readonly port: number;
  close(): void;
}

/** Prometheus has one connection; so few suffice for those who look beside it. */
const limits: GateLimits = { most: 32, mostStrangers: 32, strangerSeconds: 10 };
/** A connection on which nothing moves is closed: one that is kept alive, and one whose reader does not read. */
const idleSeconds = 10;

/**
 * @param refusals hears of connections that are closed because they are too many, or ask nothing
 * @throws ParameterServerError if the address cannot be listened on
 */
export async function serveMetrics(
  registry: Registry,
  host: string,
  port: number,
  refusals: RefusalLog,
): Promise<MetricsEndpoint> {
  const visits = new WeakMap<Socket, Visit>();
  const server = createServer(({ method, url, headers, socket }, response) => {
    if (!visits.get(socket)?.admit()) return;
    if (!isOwnHost(headers.host, host)) {
      response.writeHead(421).end(foreignHost);
      return;
    }
    if (method !== 'GET' || url !== '/metrics') {
      response.writeHead(404).end('there is only GET /metrics\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      // Whoever reads metrics must not be able to end the training.
      (error: unknown) => response.writeHead(500).end(`the metrics could not be gathered: ${String(error)}\n`),
    );
  });
  server.keepAliveTimeout = 1000 * idleSeconds;
  server.setTimeout(1000 * idleSeconds);
  const gate = new ConnectionGate(limits, refusals);
  server.on('connection', (socket: Socket) => {
    const visit = gate.enter(socket.remoteAddress ?? 'an unknown address', () => socket.destroy());
    visits.set(socket, visit);
    socket.once('close', () => visit.end());
  });
  await listen(server, host, port);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    throw new ParameterServerError(
      status.UNAVAILABLE,
      `cannot serve metrics on ${host}:${port} (${(error as Error).message}); is the port taken?`,
    );
  }
}
