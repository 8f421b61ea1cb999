/**
 * Bounds how many connections a server holds, and how long one may be open before it has made a call that lets it in. What it
 * does after that is `call-rate.ts`'s affair.
 */
import type { Http2Server, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** How many connections there may be; another one is closed at once. */
  readonly most: number;
  /** How long one may be open before its first call that is let in. A worker calls as soon as it has connected. */
  readonly firstCallSeconds: number;
  /** Whether a call is let in that brings this. */
  readonly admits: (authorization: string) => boolean;
  /** How many connections there are that have been handed over to others. */
  readonly handedOver: () => number;
  /** Is told of each connection that is closed: there are too many, or it made no call that lets it in. */
  readonly onRefused?: ((reason: 'limit' | 'no-call') => void) | undefined;
}

/** For the connections of a run of so many workers: each has a handful, and others look at how it goes. */
export function mostConnections(workers: number): number {
  return 64 + 16 * workers;
}

/**
 * Call it when the server has its other listeners.
 * @returns the connections that are open and have not been handed over
 */
export function limitConnections(
  server: Http2Server,
  { most, firstCallSeconds, admits, handedOver, onRefused }: ConnectionLimits,
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  /** By peer, since a session over TLS does not tell its connection: the ends of those that have yet to make a call. */
  const ends = new Map<string, NodeJS.Timeout>();
  const stay = (peer: string): void => {
    clearTimeout(ends.get(peer));
    ends.delete(peer);
  };
  const accept = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (sockets.size + handedOver() >= most) {
      onRefused?.('limit');
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    const end = setTimeout(() => {
      onRefused?.('no-call');
      socket.destroy();
    }, 1000 * firstCallSeconds);
    sockets.add(socket);
    ends.set(peer, end);
    socket.once('close', () => {
      sockets.delete(socket);
      clearTimeout(end);
      if (ends.get(peer) === end) ends.delete(peer);
    });
    // A machine that vanishes says nothing.
    socket.setKeepAlive(true, 30_000);
    for (const each of accept) each.call(server, socket);
  });
  server.on('session', (session) => {
    const peer = peerOf(session.socket);
    const admit = (_: unknown, { authorization = '' }: IncomingHttpHeaders): void => {
      if (!admits(authorization)) return;
      session.off('stream', admit);
      stay(peer);
    };
    session.on('stream', admit);
  });
  return sockets;
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
