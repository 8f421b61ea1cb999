/**
 * Accesses the HTTP/2 server inside grpc-js for settings that grpc-js has no options for: a wider receive window,
 * limits on connections and call rates, and bulk connections on the same port. If a later version creates the server
 * differently, a test fails.
 */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { sharePort } from '../bulk/shared-port.js';
import { limitCallRate } from '../security/call-rate.js';
import type { ConnectionGate, Visit } from '../security/connection-gate.js';
import { type GuardedConnections, guardConnections } from '../security/connection-limits.js';
import type { RefusalLog } from '../security/refusal-log.js';

/**
 * With the default of 64 KiB, a push waits for hundreds of window updates. The window is larger than a message may be,
 * so that the unread rest of a refused message does not keep its call from ending.
 */
const pushWindowBytes = 16 * 1024 * 1024;

export interface Http2Tuning {
  readonly gate: ConnectionGate;
  /** Whether a call with this authorization is let in. */
  readonly admits: (authorization: string) => boolean;
  readonly refusals: RefusalLog;
  /** Takes bulk connections, with the bytes already read from them. By default there are none. */
  readonly onBulk?: ((socket: Socket, first: Uint8Array, visit: Visit) => void) | undefined;
}

/** @returns a function that lists the connections that are open and have not been handed over */
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
        dropEndedCalls(session);
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

/**
 * Keeps calls from gRPC that have ended before they are reported: the client has reset them, or their connection was
 * closed because of an earlier call of the same packet. gRPC would answer those that it refuses, which throws.
 */
function dropEndedCalls(session: ServerHttp2Session): void {
  type OnStream = (stream: ServerHttp2Stream, ...rest: unknown[]) => void;
  const accept = session.listeners('stream') as OnStream[];
  session.removeAllListeners('stream');
  session.on('stream', (stream: ServerHttp2Stream, ...rest: unknown[]) => {
    if (stream.destroyed || stream.closed) stream.on('error', () => undefined);
    else for (const each of accept) each.call(session, stream, ...rest);
  });
}
