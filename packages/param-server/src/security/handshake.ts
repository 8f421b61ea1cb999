/**
 * Finds out why servers cannot be reached over TLS. gRPC tries again for ever, whatever the reason; but certificates that
 * do not fit will not fit later, and the person who gave them should read it at once.
 */
import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientTls } from './client-security.js';

const pauseSeconds = 1;

/** Resolves to why TLS fails, when it does: never for a server that is merely away. Until `signal` is aborted. */
export async function handshakeFailure(address: string, tls: ClientTls, signal: AbortSignal): Promise<string> {
  for (;;) {
    const failure = await tryHandshake(address, tls, signal);
    if (failure && isOfTls(failure)) return failure.message;
    await sleep(pauseSeconds * 1000, undefined, { signal });
  }
}

/** A server that wants a certificate says so after the handshake: it has succeeded when HTTP/2's settings arrive. */
function tryHandshake(
  address: string,
  tls: ClientTls,
  signal: AbortSignal,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const session = connect(`https://${address}`, { ca: tls.authority, cert: tls.certificate, key: tls.key });
    const stop = () => session.destroy();
    signal.addEventListener('abort', stop, { once: true });
    session.on('error', resolve).once('remoteSettings', stop);
    session.once('close', () => {
      signal.removeEventListener('abort', stop);
      resolve(undefined);
    });
  });
}

/** As opposed to the network's: of certificates and of the protocol, by Node's and OpenSSL's codes. */
function isOfTls({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(ERR_SSL|ERR_TLS|EPROTO|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|INVALID_CA|HOSTNAME_MISMATCH)/.test(
    code,
  );
}
