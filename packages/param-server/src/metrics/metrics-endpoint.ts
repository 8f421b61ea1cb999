/** `GET /metrics` over HTTP, in Prometheus's text format. Whoever reaches the port may read; nothing can be changed there. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import type { Registry } from 'prom-client';
import { ParameterServerError } from '../client/errors.js';
import { foreignHost, isOwnHost } from '../security/own-host.js';

export interface MetricsEndpoint {
  readonly port: number;
  close(): void;
}

/** @throws ParameterServerError if the address cannot be listened on */
export async function serveMetrics(registry: Registry, host: string, port: number): Promise<MetricsEndpoint> {
  const server = createServer(({ method, url, headers }, response) => {
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
