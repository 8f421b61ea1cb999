/**
 * Reaches for the HTTP/2 server that grpc-js makes, to widen the window in which it receives, to bound how many connections
 * there are and how fast one calls, and to let bulk connections come to its port: grpc-js has options for none of these. Should
 * a later version make it elsewhere, a test notices.
 */
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { sharePort } from './bulk/shared-port.js';
import { limitCallRate } from './security/call-rate.js';
import type { ConnectionGate, Visit } from './security/connection-gate.js';
import { type GuardedConnections, guardConnections } from './security/connection-limits.js';
import type { RefusalLog } from './security/refusal-log.js';

/**
 * With the default of 64 KiB a push waits for hundreds of window updates. It is wider than a message may be, so that the rest of one
 * that is refused, which nobody reads, does not keep its call from ending.
 */
const pushWindowBytes = 16 * 1024 * 1024;

export interface Http2Tuning {
  readonly gate: ConnectionGate;
  /** Whether a call is let in that brings this. */
  readonly admits: (authorization: string) => boolean;
  readonly refusals: RefusalLog;
  /** Takes bulk connections, with what of them has been read. By default there are none. */
  readonly onBulk?: ((socket: Socket, first: Uint8Array, visit: Visit) => void) | undefined;
}

/** @returns tells the connections that are open and have not been handed over */
export function tuneHttp2Server(
  server: Server,
  { gate, admits, refusals, onBulk }: Http2Tuning,
): () => readonly Socket[] {
  const guarded: GuardedConnections[] = [];
  const internals = server as unknown as { createHttp2Server?: (...args: unknown[]) => Http2Server };
  const create = internals.createHttp2Server?.bind(server);
  if (create) {
    internals.createHttp2Server = (...args) => {
      const http2Server = create(...args);
      http2Server.updateSettings({ initialWindowSize: pushWindowBytes });
      http2Server.on('tlsClientError', (_: Error, { remoteAddress = 'an unknown address' }: Socket) => {
        refusals.note('connection', 'its TLS handshake failed', remoteAddress);
      });
      http2Server.on('session', (session) => {
        session.setLocalWindowSize(pushWindowBytes);
        limitCallRate(session, refusals);
      });
      if (onBulk) {
        sharePort(http2Server, (socket, first) => {
          const visit = connections.handOver(socket);
          if (visit) onBulk(socket, first, visit);
          else socket.destroy();
        });
      }
      const connections = guardConnections(http2Server, gate, admits);
      guarded.push(connections);
      return http2Server;
    };
  }
  return () => guarded.flatMap(({ sockets }) => sockets);
}
