/** How a server proves who it is and whom it lets in: TLS, client certificates, a shared token. It moves no data. */
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
import { ParameterServerError } from '../client/errors.js';
import { isLoopback } from './loopback.js';
import { type RefusalLog, tokenMissing } from './refusal-log.js';

export interface ServerSecurity {
  readonly tls?: ServerTls;
  /** Every caller must bring it. Without TLS it travels readably. */
  readonly token?: string;
}

/** All in PEM. */
export interface ServerTls {
  /** The server's certificate, followed by those that lead to its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Clients must have a certificate of this authority (mutual TLS); by default they need none. */
  readonly clientAuthority?: string;
}

/** The metadata key of the token: `authorization: Bearer <token>`. */
export const tokenKey = 'authorization';

/** @throws ParameterServerError unless a server on `host` is guarded, or only this machine can reach it. */
export function requireGuarded(host: string, { tls, token }: ServerSecurity): void {
  if (isLoopback(host) || tls || token !== undefined) return;
  throw new ParameterServerError(
    status.INVALID_ARGUMENT,
    `${host} can be reached from other machines, and the server has neither TLS nor a token; give it one of them`,
  );
}

/** @throws ParameterServerError if the PEM cannot be read or the key is not the certificate's. */
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

/** @throws ParameterServerError */
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

/** Health is told to anyone: the probes of schedulers bring no metadata, and learn nothing but whether the server serves. */
const openToAll = '/grpc.health.v1.Health/';

/** What is told to whoever does not bring the token. */
export const unknownToken = 'the server wants a token that the worker does not bring; give both the same --token-file';

/** Whether a caller is let in, by what it brings under {@link tokenKey}; without a token everybody is. */
export function admission(token: string | undefined): (authorization: string) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization), expected);
}

/** Ends every call as UNAUTHENTICATED that is not let in, before its message is decoded. */
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

/** Of equal length, whatever the texts', so that they can be compared in a time that tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
