/**
 * Lets bulk connections use the port of an HTTP/2 server. Looks at the first byte of each connection and leaves all
 * others to that server, which rejects those that do not speak HTTP/2.
 */
import type { Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { firstByte } from './frames.js';

/** @param onBulk takes a paused connection, and the bytes already read from it */
export function sharePort(server: Http2Server, onBulk: (socket: Socket, first: Buffer) => void): void {
  // With TLS, this is the first deciphered byte.
  const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  const accept = server.listeners(event) as ((socket: Socket) => void)[];
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    const close = () => socket.destroy();
    socket.on('error', close).once('end', close);
    socket.once('data', (first: Buffer) => {
      socket.off('error', close).off('end', close).pause();
      if (first[0] === firstByte) return onBulk(socket, first);
      socket.unshift(first);
      for (const each of accept) each.call(server, socket);
    });
  });
}
