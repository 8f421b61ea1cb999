/**
 * Leads the connections of an HTTP/2 server through a {@link ConnectionGate}: a connection is let in by its first call that brings
 * what lets a caller in. What it does after that is `call-rate.ts`'s affair.
 */
import type { Http2Server, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import type { ConnectionGate, Visit } from './connection-gate.js';

/** The connections of a server that has this entrance. */
export interface GuardedConnections {
  /** Those that are open and have not been handed over. */
  readonly sockets: readonly Socket[];
  /**
   * Another holder goes on with a connection: it says when it is let in, and when it has ended.
   * @returns undefined if the connection is gone
   */
  handOver(socket: Socket): Visit | undefined;
}

/** A stranger's calls are refused, and so many are enough to find that out; some are for health, which everybody may ask for. */
const strangersCalls = 32;

/**
 * Call it when the server has its other listeners.
 * @param admits whether a call is let in that brings this
 */
export function guardConnections(
  server: Http2Server,
  gate: ConnectionGate,
  admits: (authorization: string) => boolean,
): GuardedConnections {
  /** By peer, since a session over TLS does not tell its connection. */
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
    // A machine that vanishes says nothing.
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
