/**
 * Finds out why servers cannot be reached over TLS. gRPC tries again for ever, whatever the reason; but certificates that
 * do not fit will not fit later, and the person who gave them should read it at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { placeOf } from '../client/server-place.js';
import { type ClientTls, tlsOptions } from './client-security.js';

const pauseSeconds = 1;

/** Resolves to why TLS fails, when it does: never for a server that is merely away. Rejects when `signal` is aborted. */
export async function handshakeFailure(address: string, tls: ClientTls, signal: AbortSignal): Promise<string> {
  for (let last: string | undefined; ; ) {
    const failure = await tryHandshake(address, tls, signal);
    // A server that is killed ends connections too, but not twice.
    if (failure && (failure !== endedSilently || failure === last)) return failure;
    last = failure;
    await sleep(pauseSeconds * 1000, undefined, { signal });
  }
}

/** What a worker sees whose certificate is another authority's. */
const endedSilently = 'the server ended the connection after the handshake';

/** A server that refuses the certificate says so after the handshake: it has succeeded when HTTP/2's settings arrive. */
function tryHandshake(address: string, tls: ClientTls, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const place = placeOf(address);
    const socket = connect({ ...place, ...tlsOptions(tls, place) });
    let isSecure = false;
    const stop = () => {
      resolve(undefined);
      socket.destroy();
    };
    signal.addEventListener('abort', stop, { once: true });
    socket.once('secureConnect', () => {
      isSecure = true;
    });
    socket.once('data', stop);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const reason = reasonOf(error);
      if (reason) resolve(reason);
    });
    socket.once('close', () => {
      signal.removeEventListener('abort', stop);
      resolve(isSecure ? endedSilently : undefined);
    });
  });
}

/** Why certificates or the protocol do not fit, by Node's and OpenSSL's codes; undefined for an error of the network. */
function reasonOf({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (code.startsWith('ERR_SSL_')) return code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ');
  // ECONNREFUSED, EAI_AGAIN and their like. OpenSSL has too many reasons to refuse a certificate to list them.
  return code === '' || /^E(?!RR)/.test(code) ? undefined : message;
}
