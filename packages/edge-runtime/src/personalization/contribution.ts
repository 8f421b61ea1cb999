/**
 * Contributes to the shared model: sends the change that personalizing made, clipped and noised on this device (McMahan
 * et al. 2018, "Learning differentially private recurrent language models", algorithm 1, with the noise divided among
 * the clients). Nothing here runs unless it is called.
 */
import { type ConfigSchema, hasFields } from '../bundle/checked-fields.js';
import { readStream } from '../bundle/read-stream.js';
import { BundleError } from '../errors.js';
import type { Cancellable } from '../runtime/cancellable.js';
import type { Parameters } from './parameters.js';

export interface ContributeOptions extends Cancellable {
  /** Token for the gateway, if it requires one. */
  readonly token?: string;
}

/** A round of contributions; a gateway answers `GET /round` with it. */
export interface Round {
  /** The SHA-256 of the model.onnx that updates must belong to. */
  readonly model: string;
  /** Number of elements of an update. */
  readonly parameters: number;
  /** Number of updates in a round; their noise adds up to that of their sum. */
  readonly clients: number;
  /** C, the largest Euclidean norm of an update. */
  readonly clipNorm: number;
  /** σ; the noise of the sum has the standard deviation σ·C. */
  readonly noiseMultiplier: number;
}

const roundFields = {
  ...{ model: 'text', parameters: 'count', clients: 'count', clipNorm: 'amount', noiseMultiplier: 'amount' },
} as const satisfies ConfigSchema;

export interface Contribution {
  readonly round: Round;
  /** Norm of the update before clipping. */
  readonly norm: number;
}

/**
 * Sends the update to the current round of the gateway at `address`.
 * @throws BundleError `gateway-refused` or `unreachable`; the signal's reason if it aborts
 */
export async function contributeTo(
  address: string,
  update: Float32Array<ArrayBuffer>,
  model: string,
  { token, signal }: ContributeOptions,
): Promise<Contribution> {
  const base = address.replace(/\/$/, '');
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const round = roundIn(await request(`${base}/round`, { headers, signal: signal ?? null }), base);
  if (round.model !== model || round.parameters !== update.length) {
    throw new BundleError('gateway-refused', `${base}: it gathers updates of another model; load its newest bundle`);
  }
  const norm = lengthOf(update);
  await request(`${base}/contributions`, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/octet-stream',
      'unroll-model': model,
      'idempotency-key': crypto.randomUUID(),
    },
    body: protectedUpdate(update, round),
    signal: signal ?? null,
  });
  return { round, norm };
}

/** The change of the parameters: those of `base` in its order, concatenated. */
export function difference(base: Parameters, changed: Parameters): Float32Array<ArrayBuffer> {
  const parts = Array.from(base, ([name, values]) => {
    const now = changed.get(name) ?? values;
    return values.map((value, i) => now[i]! - value);
  });
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Clips and noises an update: Δ·min(1, C/‖Δ‖) + N(0, (σ·C)²/clients) in each element. */
function protectedUpdate(
  update: Float32Array<ArrayBuffer>,
  { clients, clipNorm, noiseMultiplier }: Pick<Round, 'clients' | 'clipNorm' | 'noiseMultiplier'>,
): Float32Array<ArrayBuffer> {
  const scale = Math.min(1, clipNorm / lengthOf(update));
  const deviation = (noiseMultiplier * clipNorm) / Math.sqrt(clients);
  const noise = gaussians(update.length);
  return update.map((value, i) => value * scale + deviation * noise[i]!);
}

/** Draws standard normal numbers from the browser's secure random ones, by Box and Muller (1958). */
function gaussians(count: number): Float64Array {
  const values = new Float64Array(count + (count % 2));
  const bits = new Uint32Array(4096);
  for (let i = 0; i < values.length; i += 2) {
    const place = i % bits.length;
    if (place === 0) crypto.getRandomValues(bits);
    const radius = Math.sqrt(-2 * Math.log((bits[place]! + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * bits[place + 1]!) / 2 ** 32;
    values[i] = radius * Math.cos(angle);
    values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

/** @throws BundleError unless these are the terms of a round */
function roundIn(answer: string, base: string): Round {
  try {
    const round: unknown = JSON.parse(answer);
    if (hasFields(round, roundFields)) return round;
  } catch {
    // It is no JSON.
  }
  throw new BundleError('gateway-refused', `${base}: what it answers is no round; check the address`);
}

/** Upper limit of an answer: a round has 200 bytes. */
const longestAnswer = 2 ** 16;

/** Returns the answer's text. */
async function request(url: string, init: RequestInit): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    const bytes = response.body ? await readStream(response.body, longestAnswer) : new Uint8Array();
    text = new TextDecoder().decode(bytes.subarray(0, longestAnswer));
  } catch (cause) {
    init.signal?.throwIfAborted();
    const remedy = 'check the connection, its --origin and the page’s content security policy';
    throw new BundleError('unreachable', `${url}: the gateway does not answer; ${remedy}`, { cause });
  }
  if (response.ok) return text;
  throw new BundleError('gateway-refused', `${url}: HTTP status ${response.status}, ${text.trim().slice(0, 200)}`);
}
