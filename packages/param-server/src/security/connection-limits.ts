/**
 * Passes the connections of an HTTP/2 server through a {@link ConnectionGate}. A connection is let in by its first call
 * with valid authorization. After that, `call-rate.ts` limits its calls.
 */
import type { Http2Server, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import type { ConnectionGate, Visit } from './connection-gate.js';

/** The connections of a server that is guarded by a gate. */
export interface GuardedConnections {
  /** The sockets that are open and have not been handed over. */
  readonly sockets: readonly Socket[];
  /**
   * Hands a connection to another holder, which reports when it is let in and when it has ended.
   * @returns undefined if the connection is gone
   */
  handOver(socket: Socket): Visit | undefined;
}

/**
 * The number of refused calls that a stranger may make. Enough for a client to notice the refusals; some may be health
 * checks, which everybody may make.
 */
const strangersCalls = 32;

/**
 * Call this after the server's other listeners are set.
 * @param admits whether a call with this authorization is let in
 */
export function guardConnections(
  server: Http2Server,
  gate: ConnectionGate,
  admits: (authorization: string) => boolean,
): GuardedConnections {
  /** By peer, because a TLS session does not reveal its connection. */
  const open = new Map<string, { readonly socket: Socket; readonly visit: Visit }>();
  const accept = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    const visit = gate.enter(socket.remoteAddress ?? 'an unknown address', () => socket.destroy());
    const entry = { socket, visit };
    open.set(peer, entry);
    socket.once('close', () => {
      if (open.get(peer) !== entry) return;
      open.delete(peer);
      visit.end();
    });
    // Detects a machine that vanishes silently.
    socket.setKeepAlive(true, 30_000);
    for (const each of accept) each.call(server, socket);
  });
  server.on('session', (session) => {
    const visit = open.get(peerOf(session.socket))?.visit;
    let calls = 0;
    const admit = (_: unknown, { authorization = '' }: IncomingHttpHeaders): void => {
      if (!admits(authorization)) {
        if (++calls > strangersCalls) session.destroy();
        return;
      }
      session.off('stream', admit);
      visit?.admit();
    };
    session.on('stream', admit);
  });
  return {
    get sockets() {
      return [...open.values()].map(({ socket }) => socket);
    },
    handOver: (socket) => {
      const peer = peerOf(socket);
      const visit = open.get(peer)?.visit;
      open.delete(peer);
      return visit;
    },
  };
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
