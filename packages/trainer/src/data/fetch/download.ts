// Downloads one file over HTTP so that an interruption costs nothing. Received bytes stay in a `.part` file, and the
// next attempt, in this process or a later one, asks for the rest. The file gets its name once its checksum is right.

import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { UnrollError } from '../../errors.js';
import { isFileError } from '../../files/file-error.js';
import { type Checksum, fileDigest } from './checksum.js';

/** The progress of a download. */
export interface DownloadProgress {
  readonly url: string;
  readonly receivedBytes: number;
  /** Undefined if the server does not say. */
  readonly totalBytes: number | undefined;
  /** Rate since this attempt began. */
  readonly bytesPerSecond: number;
  /** Undefined until something has arrived, or if the total is unknown. */
  readonly secondsLeft: number | undefined;
}

export interface DownloadOptions {
  readonly checksum: Checksum;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pauses before new attempts, in milliseconds. The sequence starts again whenever an attempt received something. */
const RETRY_PAUSES = [250, 1000, 4000, 15_000];

/** HTTP statuses after which another attempt may succeed. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that may not recur in the next attempt. */
class PassingError extends Error {}

/**
 * Downloads `url` to `path`.
 *
 * @throws UnrollError naming the URL if the server refuses it, if several attempts in a row receive nothing, or if the
 *   checksum is wrong; the file system's error; an AbortError or the signal's reason when aborted
 */
export async function download(url: string, path: string, options: DownloadOptions): Promise<void> {
  const part = `${path}.part`;
  let pauses = [...RETRY_PAUSES];
  for (let before = sizeOf(part); ; before = sizeOf(part)) {
    try {
      await fetchRest(url, part, options);
      break;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof PassingError)) throw error;
      if (sizeOf(part) > before) pauses = [...RETRY_PAUSES];
      const pause = pauses.shift();
      if (pause === undefined) throw new UnrollError(`${url}: ${error.message}; run again to go on where it stopped`);
      await sleep(pause, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
  await verify(url, part, options.checksum);
  renameSync(part, path);
}

/** Makes one attempt: requests the bytes that `part` lacks and appends them. */
async function fetchRest(url: string, part: string, { onProgress, signal }: DownloadOptions): Promise<void> {
  const offset = sizeOf(part);
  const response = await request(url, offset, signal);
  // 416: nothing lies beyond the offset. Either the file is complete, or the checksum will show that it is not.
  if (response.status === 416) return;
  if (PASSING_STATUS.has(response.status)) throw new PassingError(`the server answers ${response.status}`);
  if (!response.ok || response.body === null) {
    throw new UnrollError(`${url}: the server answers ${response.status}; try a mirror, or download it by hand`);
  }
  const resumes = response.status === 206;
  const start = resumes ? offset : 0;
  const length = response.headers.get('content-length');
  const meter = progressMeter(url, start, length === null ? undefined : start + Number(length), onProgress);
  const file = createWriteStream(part, { flags: resumes ? 'a' : 'w' });
  try {
    await pipeline(Readable.fromWeb(response.body), meter, file);
  } catch (error) {
    // Errors of the connection come wrapped. This one is from the disk, and another attempt would meet it again.
    if (isFileError(error)) throw error;
    throw new PassingError(`the connection broke (${reason(error)})`);
  }
}

/**
 * Connects through the proxies that `http_proxy`, `https_proxy` and `no_proxy` name, as curl does; Node's own fetch
 * ignores them. Asks a proxy for a tunnel only for https.
 */
function environmentsProxies(): Dispatcher {
  return new EnvHttpProxyAgent({ proxyTunnel: false });
}

async function request(url: string, offset: number, signal: AbortSignal | undefined): Promise<Response> {
  // Under compression, offsets would count other bytes.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (offset > 0) headers.range = `bytes=${offset}-`;
  try {
    return await fetch(url, { headers, signal: signal ?? null, dispatcher: environmentsProxies() });
  } catch (error) {
    throw new PassingError(`no connection (${reason(error)})`);
  }
}

/** Passes bytes on and reports how many have arrived. */
function progressMeter(
  url: string,
  start: number,
  totalBytes: number | undefined,
  onProgress: DownloadOptions['onProgress'],
): Transform {
  const startTime = performance.now();
  let receivedBytes = start;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      receivedBytes += chunk.length;
      const bytesPerSecond = ((receivedBytes - start) * 1000) / Math.max(1, performance.now() - startTime);
      const secondsLeft = totalBytes === undefined ? undefined : (totalBytes - receivedBytes) / bytesPerSecond;
      onProgress?.({ url, receivedBytes, totalBytes, bytesPerSecond, secondsLeft });
      done(null, chunk);
    },
  });
}

/** Checks the digest. A download with wrong bytes is removed, because resuming it could never make it right. */
async function verify(url: string, part: string, { algorithm, digest }: Checksum): Promise<void> {
  const actual = await fileDigest(part, algorithm);
  if (actual === digest) return;
  rmSync(part);
  throw new UnrollError(
    `${url}: ${algorithm} is ${actual}, expected ${digest}; the download was removed, try again or a mirror`,
  );
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** Returns the cause behind fetch's "fetch failed". */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
