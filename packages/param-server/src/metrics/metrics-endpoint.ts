/**
 * Serves `GET /metrics` over HTTP, in Prometheus's text format. Anyone who can reach the port may read; nothing can be
 * changed there.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import { ParameterServerError } from '../errors.js';
import { createGuardedServer } from '../security/guarded-http.js';
import { foreignHost, isOwnHost } from '../security/own-host.js';
import type { RefusalLog } from '../security/refusal-log.js';
import { lately } from '../time/lately.js';

export interface MetricsEndpoint {
  readonly port: number;
  close(): void;
}

/** Prometheus polls every few seconds on one connection; several may do so. */
const mostReaders = 32;
/** In milliseconds: requests within this time of another get the same text. */
const freshness = 100;

/**
 * Starts the endpoint.
 * @param refusals notes connections that are closed because they are too many, or request nothing
 * @throws ParameterServerError if the address cannot be listened on
 */
export async function serveMetrics(
  registry: Registry,
  host: string,
  port: number,
  refusals: RefusalLog,
): Promise<MetricsEndpoint> {
  const rendered = lately(() => registry.metrics(), freshness);
  const server = createGuardedServer({ most: mostReaders, requestSeconds: 5, refusals }, (request, response) => {
    const { method, url, headers } = request;
    if (!isOwnHost(headers.host, host)) {
      response.writeHead(421).end(foreignHost);
      return;
    }
    if (method !== 'GET' || url !== '/metrics') {
      response.writeHead(404).end('there is only GET /metrics\n');
      return;
    }
    rendered().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      // A reader of metrics must not be able to end the training.
      (error: unknown) => response.writeHead(500).end(`the metrics could not be gathered: ${String(error)}\n`),
    );
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
