/**
 * Reaches for the HTTP/2 server that grpc-js makes, to widen the window in which it receives, to bound how fast a connection
 * calls, and to let bulk connections come to its port: grpc-js has options for none of these. Should a later version make it
 * elsewhere, a test notices.
 */
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { sharePort } from './bulk/shared-port.js';
import { limitCallRate } from './security/call-rate.js';

/** As the clients' for pulls: with the default of 64 KiB a push waits for hundreds of window updates. */
const pushWindowBytes = 16 * 1024 * 1024;

/**
 * @param onBulk takes bulk connections, with what of them has been read; absent where there is TLS
 * @returns the connections that are open and have not been handed over
 */
export function tuneHttp2Server(
  server: Server,
  onBulk: ((socket: Socket, first: Uint8Array) => void) | undefined,
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const internals = server as unknown as { createHttp2Server?: (...args: unknown[]) => Http2Server };
  const create = internals.createHttp2Server?.bind(server);
  if (!create) return sockets;
  internals.createHttp2Server = (...args) => {
    const http2Server = create(...args);
    http2Server.updateSettings({ initialWindowSize: pushWindowBytes });
    http2Server.on('session', (session) => {
      session.setLocalWindowSize(pushWindowBytes);
      limitCallRate(session);
    });
    if (onBulk) sharePort(http2Server, onBulk);
    http2Server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    return http2Server;
  };
  return sockets;
}
