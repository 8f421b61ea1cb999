/**
 * Reads each connection into one buffer that is reused. By default Node allocates 64 KiB for every read, which costs as
 * much as the reading.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { TLSSocket } from 'node:tls';

/** A quarter of a typical core's own cache, so that the bytes are still cached when they are copied to their place. */
const bufferBytes = 256 * 1024;

/**
 * Returns the socket option for reading into one buffer.
 * @param take receives the bytes, which are valid until more is read; returns false to stop reading until `resume`
 */
export function intoOneBuffer(take: (bytes: Uint8Array) => boolean): OnReadOpts {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  return { buffer, callback: (count) => take(buffer.subarray(0, count)) };
}

/**
 * Continues an accepted connection in a socket that reads into one buffer. Node offers the option only to sockets that
 * connect, but a socket can be created from another's handle. TLS sockets cannot: they deliver deciphered data, 16 KiB
 * at most.
 */
export function rereading(accepted: Socket, take: (bytes: Uint8Array) => boolean): Socket {
  if (accepted instanceof TLSSocket) {
    return accepted.on('data', (bytes: Uint8Array) => {
      if (!take(bytes)) accepted.pause();
    });
  }
  const onread = intoOneBuffer(take);
  const holder = accepted as unknown as { _handle: unknown };
  const handle = holder._handle;
  holder._handle = null;
  accepted.destroy();
  return new Socket({ handle, onread } as SocketConstructorOpts);
}
