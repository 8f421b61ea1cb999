/**
 * Finds out why servers cannot be reached over TLS. gRPC retries forever, whatever the reason. But certificates that do
 * not fit will not fit later either, so the person who configured them should read it at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { placeOf } from '../addresses/server-place.js';
import { type ClientTls, tlsOptions } from './client-security.js';

const pauseSeconds = 1;

/**
 * Resolves with the reason when TLS fails; never resolves for a server that is merely away. Rejects when `signal` is
 * aborted.
 */
export async function handshakeFailure(address: string, tls: ClientTls, signal: AbortSignal): Promise<string> {
  for (let last: string | undefined; ; ) {
    const failure = await tryHandshake(address, tls, signal);
    // A killed server ends connections too, but not twice in a row.
    if (failure && (failure !== endedSilently || failure === last)) return failure;
    last = failure;
    await sleep(pauseSeconds * 1000, undefined, { signal });
  }
}

/** The symptom for a worker whose certificate comes from another authority. */
const endedSilently = 'the server ended the connection after the handshake';

/**
 * Tries one handshake. A server that refuses the certificate says so only after the handshake, so success means that
 * HTTP/2's settings arrived.
 */
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

/**
 * Returns why certificates or the protocol do not fit, by Node's and OpenSSL's codes; undefined for a network error.
 */
function reasonOf({ code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (code.startsWith('ERR_SSL_')) return code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' ');
  // Network errors are ECONNREFUSED, EAI_AGAIN and the like. OpenSSL has too many certificate errors to list.
  return code === '' || /^E(?!RR)/.test(code) ? undefined : message;
}
