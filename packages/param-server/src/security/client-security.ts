/** Proves a worker's identity and verifies its servers. The counterpart of `server-security.ts`. */
import { isIP } from 'node:net';
import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import type { ServerPlace } from '../addresses/server-place.js';
import { requireReadable, tokenKey } from './server-security.js';

export interface ClientSecurity {
  /** Without this, connections are not encrypted. */
  readonly tls?: ClientTls;
  /** The token that the servers demand from callers. Without TLS it travels unencrypted. */
  readonly token?: string;
}

/** All fields are in PEM. */
export interface ClientTls {
  /** The authority of the servers' certificates, which must name the hosts that the worker calls. */
  readonly authority: string;
  /** This worker's own certificate, for servers that demand one; requires `key`. */
  readonly certificate?: string;
  readonly key?: string;
}

/** @throws ParameterServerError if the PEM cannot be read or the key does not belong to the certificate */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { authority, certificate, key } = tls;
  requireReadable({ authority, certificate, key });
  const own = certificate === undefined || key === undefined ? [] : [Buffer.from(key), Buffer.from(certificate)];
  return credentials.createSsl(Buffer.from(authority), ...own);
}

/** Returns the same settings for a connection that does not use gRPC. */
export function tlsOptions({ authority, certificate, key }: ClientTls, { host }: ServerPlace) {
  // An IP address is not a valid server name.
  const named = isIP(host) ? {} : { servername: host };
  return { ca: authority, cert: certificate, key, ALPNProtocols: ['h2'], ...named };
}

/** Returns the metadata of every call. */
export function callMetadata(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set(tokenKey, authorizationOf(token));
  return metadata;
}

/** Returns the value of {@link tokenKey}; empty without a token. */
export function authorizationOf(token: string | undefined): string {
  return token === undefined ? '' : `Bearer ${token}`;
}
