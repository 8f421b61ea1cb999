/**
 * Reads connections into one buffer each, again and again: by itself Node allocates 64 KiB for every read, which costs as much
 * as the reading.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { TLSSocket } from 'node:tls';

/** A quarter of what a core's own cache has, mostly: what has been read is still there when it is copied to its place. */
const bufferBytes = 256 * 1024;

/**
 * The option with which a socket is made that reads so.
 * @param take is given what has come, which is valid until more is read; it returns false to stop reading until `resume`
 */
export function intoOneBuffer(take: (bytes: Uint8Array) => boolean): OnReadOpts {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  return { buffer, callback: (count) => take(buffer.subarray(0, count)) };
}

/**
 * Goes on with an accepted connection in a socket that reads so. Node offers the option to those who connect only, but its
 * sockets can be made of the handle of another one. Those of TLS cannot: they give what they have deciphered, 16 KiB at most.
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
