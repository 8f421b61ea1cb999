/** How a worker proves who it is and makes sure of its servers. The counterpart of `server-security.ts`. */
import { isIP } from 'node:net';
import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import type { ServerPlace } from '../client/server-place.js';
import { requireReadable, tokenKey } from './server-security.js';

export interface ClientSecurity {
  /** By default the connections are not encrypted. */
  readonly tls?: ClientTls;
  /** What the servers' callers must bring. Without TLS it travels readably. */
  readonly token?: string;
}

/** All in PEM. */
export interface ClientTls {
  /** Of the servers' certificates, which must name the hosts that the worker calls. */
  readonly authority: string;
  /** This worker's own, for servers that want one; with `key`. */
  readonly certificate?: string;
  readonly key?: string;
}

/** @throws ParameterServerError if the PEM cannot be read or the key is not the certificate's. */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { authority, certificate, key } = tls;
  requireReadable({ authority, certificate, key });
  const own = certificate === undefined || key === undefined ? [] : [Buffer.from(key), Buffer.from(certificate)];
  return credentials.createSsl(Buffer.from(authority), ...own);
}

/** The same for a connection that is not gRPC's. */
export function tlsOptions({ authority, certificate, key }: ClientTls, { host }: ServerPlace) {
  // An address is no name that a server could be asked for.
  const named = isIP(host) ? {} : { servername: host };
  return { ca: authority, cert: certificate, key, ALPNProtocols: ['h2'], ...named };
}

/** What every call brings. */
export function callMetadata(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set(tokenKey, authorizationOf(token));
  return metadata;
}

/** What is brought under {@link tokenKey}; empty without a token. */
export function authorizationOf(token: string | undefined): string {
  return token === undefined ? '' : `Bearer ${token}`;
}
