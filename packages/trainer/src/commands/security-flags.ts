/** The flags by which servers and workers know each other: certificates and a token, read from files, never from arguments. */
import { readFile } from 'node:fs/promises';
import type { ClientSecurity, ServerSecurity } from '@unroll/param-server';
import { isLoopback } from '@unroll/param-server/config';
import type { Command } from 'commander';
import { UnrollError, UsageError } from '../errors.js';

export interface SecurityFlags {
  tlsCert?: string;
  tlsKey?: string;
  tlsCa?: string;
  tokenFile?: string;
}

export interface GuardFlags extends SecurityFlags {
  host: string;
  insecurePublic?: boolean;
}

/** Where a token may be given instead of in a file. */
const tokenVariable = 'UNROLL_TOKEN';

/** The same on servers and workers. */
export function addSecurityFlags(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'this process’s certificate, PEM; servers that have one speak TLS only')
    .option('--tls-key <file>', 'the key of --tls-cert, PEM')
    .option('--tls-ca <file>', 'the authority, PEM, that must have signed the other side’s certificate')
    .option(
      '--token-file <file>',
      `the secret that servers and workers share (default: the variable ${tokenVariable})`,
    );
}

/** Of what listens. */
export function addGuardFlags(command: Command): Command {
  return addSecurityFlags(command).option(
    '--insecure-public',
    'serve other machines without TLS or a token: whoever reaches the port can change the run',
  );
}

/**
 * What a server demands of its callers.
 * @throws UsageError if it would serve other machines and demand nothing, or the flags are incomplete
 * @throws UnrollError naming the file that cannot be read
 */
export async function serverSecurity(flags: GuardFlags): Promise<ServerSecurity> {
  requirePair(flags);
  const { tlsCert, tlsKey, tlsCa, host, insecurePublic } = flags;
  if (tlsCa && !tlsCert) throw new UsageError('--tls-ca: a server needs --tls-cert and --tls-key with it');
  const token = await readToken(flags);
  if (!isLoopback(host) && !tlsCert && !token.token && !insecurePublic) {
    throw new UsageError(
      `--host: ${host} can be reached from other machines; add --tls-cert and --tls-key or --token-file, or say --insecure-public`,
    );
  }
  if (!tlsCert || !tlsKey) return { ...token };
  const [certificate, key] = [await readPem('--tls-cert', tlsCert), await readPem('--tls-key', tlsKey)];
  const tls = tlsCa ? { certificate, key, clientAuthority: await readPem('--tls-ca', tlsCa) } : { certificate, key };
  return { tls, ...token };
}

/**
 * What a worker shows its servers, and how it makes sure of them.
 * @throws UsageError if the flags are incomplete
 * @throws UnrollError naming the file that cannot be read
 */
export async function clientSecurity(flags: SecurityFlags): Promise<ClientSecurity> {
  requirePair(flags);
  const { tlsCert, tlsKey, tlsCa } = flags;
  if (tlsCert && !tlsCa)
    throw new UsageError('--tls-cert: a worker needs --tls-ca with it, to make sure of the servers');
  const token = await readToken(flags);
  if (!tlsCa) return { ...token };
  const authority = await readPem('--tls-ca', tlsCa);
  if (!tlsCert || !tlsKey) return { tls: { authority }, ...token };
  const [certificate, key] = [await readPem('--tls-cert', tlsCert), await readPem('--tls-key', tlsKey)];
  return { tls: { authority, certificate, key }, ...token };
}

function requirePair({ tlsCert, tlsKey }: SecurityFlags): void {
  if (tlsCert && !tlsKey) throw new UsageError('--tls-cert: needs --tls-key with it');
  if (tlsKey && !tlsCert) throw new UsageError('--tls-key: needs --tls-cert with it');
}

async function readToken({ tokenFile }: SecurityFlags): Promise<{ token?: string }> {
  const source = tokenFile ?? tokenVariable;
  const text = tokenFile ? await readText('--token-file', tokenFile) : process.env[tokenVariable];
  if (text === undefined) return {};
  const token = text.trim();
  if (/^[\x21-\x7e]{16,}$/.test(token)) return { token };
  throw new UnrollError(
    `${source}: a token is one line of at least 16 ASCII characters without spaces; make one with openssl rand -hex 32`,
  );
}

async function readPem(flag: string, file: string): Promise<string> {
  const text = await readText(flag, file);
  if (text.includes('-----BEGIN ')) return text;
  throw new UnrollError(`${flag} ${file}: is no PEM file, which has a line -----BEGIN …`);
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UnrollError(`${flag} ${file}: cannot be read (${(error as NodeJS.ErrnoException).code}); does it exist?`);
  }
}
