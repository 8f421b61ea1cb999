/**
 * Proves a server's identity and decides whom it lets in: TLS, client certificates, a shared token. It moves no data.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import {
  type Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { ParameterServerError } from '../errors.js';
import { isLoopback } from './loopback.js';
import { type RefusalLog, tokenMissing } from './refusal-log.js';

export interface ServerSecurity {
  readonly tls?: ServerTls;
  /** The token that every caller must present. Without TLS it travels unencrypted. */
  readonly token?: string;
}

/** All fields are in PEM. */
export interface ServerTls {
  /** The server's certificate, followed by those that lead to its authority. */
  readonly certificate: string;
  readonly key: string;
  /** The authority of the certificates that clients must present (mutual TLS); by default clients need none. */
  readonly clientAuthority?: string;
}

/** The metadata key of the token: `authorization: Bearer <token>`. */
export const tokenKey = 'authorization';

/** @throws ParameterServerError if other machines can reach a server on `host` that has neither TLS nor a token */
export function requireGuarded(host: string, { tls, token }: ServerSecurity): void {
  if (isLoopback(host) || tls || token !== undefined) return;
  throw new ParameterServerError(
    status.INVALID_ARGUMENT,
    `${host} can be reached from other machines, and the server has neither TLS nor a token; give it one of them`,
  );
}

/** @throws ParameterServerError if the PEM cannot be read or the key does not belong to the certificate */
export function serverCredentials(tls: ServerTls | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const { certificate, key, clientAuthority } = tls;
  requireReadable({ certificate, key, authority: clientAuthority });
  return ServerCredentials.createSsl(
    clientAuthority === undefined ? null : Buffer.from(clientAuthority),
    [{ cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) }],
    clientAuthority !== undefined,
  );
}

/** @throws ParameterServerError if the PEM cannot be read or the key does not belong to the certificate */
export function requireReadable(pem: {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly authority: string | undefined;
}): void {
  try {
    createSecureContext({ cert: pem.certificate, key: pem.key, ca: pem.authority });
  } catch (error) {
    throw new ParameterServerError(
      status.INVALID_ARGUMENT,
      `the TLS certificate, key or authority cannot be used (${(error as Error).message}); ` +
        'give PEM files, and the key that belongs to the certificate',
    );
  }
}

/** Health is open to everyone: schedulers' probes send no metadata, and learn only whether the server serves. */
const openToAll = '/grpc.health.v1.Health/';

/** The answer to a caller without the token. */
export const unknownToken = 'the server lets in only workers with its token; give both the same token';

/** Returns a check that lets callers in by their value of {@link tokenKey}; without a token it lets everybody in. */
export function admission(token: string | undefined): (authorization: string) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization), expected);
}

/** Ends every call that is not let in with UNAUTHENTICATED, before its message is decoded. */
export function tokenGuard(admits: (authorization: string) => boolean, refusals: RefusalLog): ServerInterceptor {
  const brings = (metadata: Metadata): boolean => metadata.get(tokenKey).some((value) => admits(String(value)));
  return ({ path }, call) => {
    if (path.startsWith(openToAll)) return new ServerInterceptingCall(call);
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        if (brings(metadata)) return next(metadata);
        refusals.note('call', tokenMissing, addressOf(call.getPeer()));
        call.sendStatus({ code: status.UNAUTHENTICATED, details: unknownToken });
      })
      .build();
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  };
}

/** @param peer `address:port`, as gRPC names it */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

/** Hashes to a fixed length, whatever the text's, so that a comparison's duration reveals nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
