// Downloads one file over HTTP so that an interruption costs nothing. Received bytes stay in a `.part` file, and the
// next attempt, in this process or a later one, asks for the rest. The file gets its name once its size and checksum
// are right. Nothing is read beyond the published size, and no server is waited for without end.

import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { UnrollError } from '../../errors.js';
import { type Checksum, sha256Of } from './checksum.js';

/** The progress of a download. */
export interface DownloadProgress {
  readonly url: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
  /** Rate since this attempt began. */
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
}

export interface DownloadOptions {
  readonly checksum: Checksum;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long a server may send nothing before the attempt counts as broken; 60 by default. */
  readonly silenceSeconds?: number | undefined;
}

/** Pauses before new attempts, in milliseconds. The sequence starts again whenever the file has grown. */
const RETRY_PAUSES = [250, 1000, 4000, 15_000];

/** HTTP statuses after which another attempt may succeed. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const mostRedirects = 5;

/** A failure that may not recur in the next attempt. */
class PassingError extends Error {}

/**
 * Downloads `url` to `path`.
 *
 * @throws UnrollError naming the URL if the server refuses it or leads elsewhere without end, if several attempts in a
 *   row receive nothing, or if the size or checksum is wrong; the file system's error; an AbortError or the signal's
 *   reason when aborted
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const part = `${path}.part`;
  // Left by an earlier version, or by something else.
  if (sizeOf(part) > options.checksum.bytes) rmSync(part);
  let pauses = [...RETRY_PAUSES];
  let most = sizeOf(part);
  while (most < options.checksum.bytes) {
    try {
      await fetchRest(url, part, options);
      break;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PassingError)) throw error;
      // A server that always sends the same few bytes must not be asked forever.
      if (sizeOf(part) > most) pauses = [...RETRY_PAUSES];
      most = Math.max(most, sizeOf(part));
      const pause = pauses.shift();
      if (pause === undefined) throw new UnrollError(`${url}: ${error.message}; run again to go on where it stopped`);
      await sleep(pause, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
  await verify(url, part, options.checksum);
  renameSync(part, path);
}

/** Makes one attempt: requests the bytes that `part` lacks and appends them. */
async function fetchRest(url: string, part: string, options: DownloadOptions): Promise<void> {
  const agent = environmentsProxies(options.silenceSeconds ?? 60);
  try {
    await receive(url, part, options, agent);
  } finally {
    await agent.destroy();
  }
}

async function receive(
  url: string,
  part: string,
  { checksum, onProgress, signal }: DownloadOptions,
  agent: Dispatcher,
): Promise<void> {
  const offset = sizeOf(part);
  const { statusCode, headers, body } = await open(url, offset, signal, agent);
  // Aborting the rest of a body is no failure.
  body.on('error', () => undefined);
  // 416: nothing lies beyond the offset, so that the file is too short.
  if (statusCode === 416) return;
  if (PASSING_STATUS.has(statusCode)) throw new PassingError(`the server answers ${statusCode}`);
  if (statusCode !== 200 && statusCode !== 206) {
    throw new UnrollError(`${url}: the server answers ${statusCode}; try a mirror, or download it by hand`);
  }
  const resumes = statusCode === 206;
  const start = resumes ? offset : 0;
  if (resumes && !String(headers['content-range']).startsWith(`bytes ${offset}-`)) {
    rmSync(part, { force: true });
    throw new PassingError('the server sends another part than the one that was asked for');
  }
  const length = headers['content-length'];
  if (length !== undefined && start + Number(length) !== checksum.bytes) {
    const sizes = `has ${start + Number(length)} bytes, but ${checksum.bytes} were published`;
    throw new UnrollError(`${url}: ${sizes}; try a mirror, or download it by hand`);
  }
  const meter = progressMeter(url, start, checksum.bytes, onProgress);
  try {
    await pipeline(arriving(body), meter, createWriteStream(part, { flags: resumes ? 'a' : 'w' }));
  } catch (error) {
    if (error instanceof UnrollError) rmSync(part, { force: true });
    throw error;
  }
}

/** Tells the connection's errors from the disk's, which another attempt would meet again. */
async function* arriving(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new PassingError(`the connection broke (${reason(error)})`);
  }
}

/**
 * Connects through the proxies that `http_proxy`, `https_proxy` and `no_proxy` name, as curl does. Asks a proxy for a
 * tunnel only for https.
 */
function environmentsProxies(silenceSeconds: number): Dispatcher {
  const silence = 1000 * silenceSeconds;
  return new EnvHttpProxyAgent({ proxyTunnel: false, headersTimeout: silence, bodyTimeout: silence });
}

/** Requests the bytes from `offset` on, and follows a few redirections, none of them out of https. */
async function open(
  url: string,
  offset: number,
  signal: AbortSignal | undefined,
  dispatcher: Dispatcher,
): Promise<Dispatcher.ResponseData> {
  // Under compression, offsets would count other bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (offset > 0) headers.range = `bytes=${offset}-`;
  let address = new URL(url);
  for (let hops = 0; hops <= mostRedirects; hops++) {
    const response = await ask(address, { headers, signal: signal ?? null, dispatcher });
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') return response;
    response.body.on('error', () => undefined).destroy();
    const next = URL.canParse(location, address.href) ? new URL(location, address) : undefined;
    if (next?.protocol !== 'https:' && (next?.protocol !== 'http:' || address.protocol === 'https:')) {
      const where = next ? next.href : 'what is no URL';
      throw new UnrollError(`${url}: leads to ${where}, which is not followed; try a mirror, or download it by hand`);
    }
    address = next;
  }
  throw new UnrollError(`${url}: leads on and on (${mostRedirects} times); try a mirror, or download it by hand`);
}

/** Returns the answer as it was sent: nothing is inflated and no redirection followed. */
async function ask(
  address: URL,
  options: Pick<Dispatcher.RequestOptions, 'headers' | 'signal'> & { readonly dispatcher: Dispatcher },
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(address, options);
  } catch (error) {
    throw new PassingError(`no connection (${reason(error)})`);
  }
}

/** Passes bytes on, at most up to the total, and reports how many have arrived. */
function progressMeter(
  url: string,
  start: number,
  totalBytes: number,
  onProgress: DownloadOptions['onProgress'],
): Transform {
  const startTime = performance.now();
  let receivedBytes = start;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      receivedBytes += chunk.length;
      if (receivedBytes > totalBytes) {
        done(new UnrollError(`${url}: is longer than the ${totalBytes} bytes that were published; ${removed}`));
        return;
      }
      const bytesPerSecond = ((receivedBytes - start) * 1000) / Math.max(1, performance.now() - startTime);
      const secondsLeft = (totalBytes - receivedBytes) / bytesPerSecond;
      onProgress?.({ url, receivedBytes, totalBytes, bytesPerSecond, secondsLeft });
      done(null, chunk);
    },
  });
}

const removed = 'the download was removed, try again or a mirror';

/** Checks size and digest. A download with wrong bytes is removed, because resuming it could never make it right. */
async function verify(url: string, part: string, { bytes, sha256 }: Checksum): Promise<void> {
  const size = sizeOf(part);
  if (size < bytes) {
    rmSync(part, { force: true });
    throw new UnrollError(`${url}: ends after ${size} bytes, but ${bytes} were published; ${removed}`);
  }
  const actual = await sha256Of(part);
  if (actual === sha256) return;
  rmSync(part);
  throw new UnrollError(`${url}: sha256 is ${actual}, expected ${sha256}; ${removed}`);
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** Returns the reason of a failed connection; that of several addresses is the first one's. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === '') return reason(error.errors[0]);
  return error.message || error.name;
}
