/**
 * The flags by which servers and workers authenticate each other: certificates and a token, read from files, never from
 * arguments.
 */
import { readFile } from 'node:fs/promises';
import type { ClientSecurity } from '@unroll/param-server/client';
import { isLoopback } from '@unroll/param-server/config';
import type { ServerSecurity } from '@unroll/param-server/server';
import type { Command } from 'commander';
import { tokenVariable } from '../cluster/token-variable.js';
import { UnrollError, UsageError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { readSecretFile } from '../files/secret-file.js';

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

/** Adds the flags that servers and workers share. */
export function addSecurityFlags(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'this process’s certificate, PEM; servers that have one speak TLS only')
    .option('--tls-key <file>', 'the key of --tls-cert, PEM; only you may be able to open it')
    .option('--tls-ca <file>', 'the authority, PEM, that must have signed the other side’s certificate')
    .option(
      '--token-file <file>',
      `the secret that servers and workers share; only you may be able to open it (default: the variable ${tokenVariable})`,
    );
}

/** Adds the flags of commands that listen. */
export function addGuardFlags(command: Command): Command {
  return addSecurityFlags(command).option(
    '--insecure-public',
    'serve other machines without TLS or a token: whoever reaches the port can change the run',
  );
}

/**
 * Returns what a server demands of its callers.
 * @throws UsageError if it would serve other machines and demand nothing, or the flags are incomplete
 * @throws UnrollError naming the file that cannot be read
 */
export async function serverSecurity(flags: GuardFlags): Promise<ServerSecurity> {
  requirePair(flags);
  const { tlsCert, tlsKey, tlsCa, host, insecurePublic } = flags;
  if (tlsCa && !tlsCert) throw new UsageError('--tls-ca: a server needs --tls-cert and --tls-key with it');
  const token = await readToken(flags.tokenFile);
  const isGuarded = tlsCert !== undefined || token.token !== undefined;
  if (!isGuarded && !insecurePublic) requireLoopback(host, '--tls-cert and --tls-key or --token-file');
  if (!tlsCert || !tlsKey) return { ...token };
  const [certificate, key] = await readOwnPair(tlsCert, tlsKey);
  const tls = tlsCa ? { certificate, key, clientAuthority: await readPem('--tls-ca', tlsCa) } : { certificate, key };
  return { tls, ...token };
}

/**
 * Returns a worker's credentials, and how it verifies its servers.
 * @throws UsageError if the flags are incomplete
 * @throws UnrollError naming the file that cannot be read
 */
export async function clientSecurity(flags: SecurityFlags): Promise<ClientSecurity> {
  requirePair(flags);
  const { tlsCert, tlsKey, tlsCa } = flags;
  if (tlsCert && !tlsCa)
    throw new UsageError('--tls-cert: a worker needs --tls-ca with it, to make sure of the servers');
  const token = await readToken(flags.tokenFile);
  if (!tlsCa) return { ...token };
  const authority = await readPem('--tls-ca', tlsCa);
  if (!tlsCert || !tlsKey) return { tls: { authority }, ...token };
  const [certificate, key] = await readOwnPair(tlsCert, tlsKey);
  return { tls: { authority, certificate, key }, ...token };
}

function requirePair({ tlsCert, tlsKey }: SecurityFlags): void {
  if (tlsCert && !tlsKey) throw new UsageError('--tls-cert: needs --tls-key with it');
  if (tlsKey && !tlsCert) throw new UsageError('--tls-key: needs --tls-cert with it');
}

/** @throws UsageError naming what would guard a server, if other machines can reach it */
export function requireLoopback(host: string, guards: string): void {
  if (isLoopback(host)) return;
  throw new UsageError(`--host: ${host} can be reached from other machines; add ${guards}, or say --insecure-public`);
}

/**
 * Reads the token from a file or the environment, if there is one.
 * @throws UnrollError if it cannot be read, or is not a valid token
 */
export async function readToken(tokenFile: string | undefined): Promise<{ token?: string }> {
  const source = tokenFile ?? tokenVariable;
  const text = tokenFile ? await readSecretFile('--token-file', tokenFile) : process.env[tokenVariable];
  if (text === undefined) return {};
  const token = text.trim();
  if (isToken(token)) return { token };
  const fault = token === '' ? 'is empty; ' : '';
  throw new UnrollError(`${source}: ${fault}${tokenRule}`);
}

/**
 * Reads the tokens of a gateway's clients, one per line.
 * @throws UnrollError if the file cannot be read, or a line is not a valid token
 */
export async function readClientTokens(file: string): Promise<string[]> {
  const tokens = new Map<string, number>();
  const lines = (await readSecretFile('--client-tokens', file)).split('\n').map((line) => line.trim());
  for (const [k, token] of lines.entries()) {
    if (token === '') continue;
    const place = `--client-tokens ${file}: line ${k + 1}`;
    if (!isToken(token)) throw new UnrollError(`${place}: ${tokenRule}`);
    const earlier = tokens.get(token);
    if (earlier !== undefined) throw new UnrollError(`${place}: is the token of line ${earlier} again; remove it`);
    tokens.set(token, k + 1);
  }
  return [...tokens.keys()];
}

const tokenRule =
  'a token is one line of at least 16 ASCII characters without spaces; make one with openssl rand -hex 32';

function isToken(text: string): boolean {
  return /^[\x21-\x7e]{16,}$/.test(text);
}

async function readOwnPair(tlsCert: string, tlsKey: string): Promise<[certificate: string, key: string]> {
  const key = requirePem('--tls-key', tlsKey, await readSecretFile('--tls-key', tlsKey));
  return [await readPem('--tls-cert', tlsCert), key];
}

async function readPem(flag: string, file: string): Promise<string> {
  return requirePem(flag, file, await readText(flag, file));
}

function requirePem(flag: string, file: string, text: string): string {
  if (text.includes('-----BEGIN ')) return text;
  throw new UnrollError(`${flag} ${file}: is no PEM file, which has a line -----BEGIN …`);
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UnrollError(`${flag} ${file}: cannot be read: ${fileErrorReason(error)}`);
  }
}
