/**
 * One round, from a checkpoint to the next: serves it, waits for its updates, adds their mean to the parameters, enters
 * the sum into the privacy ledger, and writes the new checkpoint.
 */
import { parameterShapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { type Checkpoint, writeModel } from '../checkpoint/checkpoint.js';
import { UnrollError } from '../errors.js';
import { appendToLedger, ledgerLine, readLedger } from './ledger.js';
import { epsilonOf, type NoisySum } from './privacy.js';
import { FederatedRound } from './round.js';
import { serveRound } from './server.js';

export interface GatherOptions {
  /** The SHA-256 of the model.onnx that was exported from the checkpoint. */
  readonly model: string;
  readonly out: string;
  readonly ledger: string;
  readonly clients: number;
  /**
   * The number of people who may take part; each is assumed to do so by chance. With the value of `clients`, no benefit
   * from sampling is claimed.
   */
  readonly population: number;
  readonly clipNorm: number;
  readonly noiseMultiplier: number;
  readonly delta: number;
  readonly host: string;
  readonly port: number;
  readonly origin: string;
  readonly token: string | undefined;
  readonly clientTokens?: readonly string[] | undefined;
  /** The number of updates assumed to carry their noise, for computing ε; the others may lie. */
  readonly honest: number;
  readonly onServing: (url: string) => void;
  readonly onUpdate: (received: number) => void;
}

export interface GatherResult {
  readonly checkpoint: string;
  readonly clients: number;
  /** The number of updates assumed to carry their noise. */
  readonly honest: number;
  /** The number of sums in the ledger, including this one. */
  readonly rounds: number;
  /**
   * All sums together are (ε, δ)-differentially private, if `honest` updates of each round were clipped and noised as
   * the gateway asked, and no person sent two.
   */
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * @throws UnrollError; the signal's reason if it aborts before the round is complete, in which case nothing is
 *   published
 */
export async function gatherRound(
  checkpoint: Checkpoint,
  options: GatherOptions,
  signal: AbortSignal,
): Promise<GatherResult> {
  const { model, out, ledger, clients, population, clipNorm, noiseMultiplier, honest, delta } = options;
  const shapes = Object.entries(parameterShapes(checkpoint.config));
  const sizes = Object.fromEntries(shapes.map(([name, shape]) => [name, elementCount(shape)]));
  const parameters = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  readLedger(ledger); // a round that cannot be entered must not begin
  const round = new FederatedRound({ model, parameters, clients, clipNorm, noiseMultiplier });
  await waitFor(round, options, signal);

  const entry = {
    samplingRate: Math.min(1, clients / population),
    noiseMultiplier: noiseMultiplier * Math.sqrt(honest / clients),
    ...{ clipNorm, clients, model },
  };
  const mean = round.mean(sizes);
  const added = ([name, values]: [string, Float32Array]) => [name, values.map((value, i) => value + mean[name]![i]!)];
  const next = {
    ...checkpoint,
    parameters: Object.fromEntries(Object.entries(checkpoint.parameters).map(added)),
  };
  let sums: readonly NoisySum[];
  try {
    sums = await appendToLedger(ledger, entry); // before anybody can see the result
  } catch (error) {
    const unpublished = `${out}.unpublished`;
    await writeModel(unpublished, next);
    throw new UnrollError(
      `${(error as Error).message}; the checkpoint is in ${unpublished}: enter this into the ledger before you publish it: ${ledgerLine(entry).trim()}`,
    );
  }
  await writeModel(out, next);
  return { checkpoint: out, clients, honest, rounds: sums.length, epsilon: epsilonOf(sums, delta), delta };
}

async function waitFor(round: FederatedRound, options: GatherOptions, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const completion = new EventTarget();
  const onUpdate = () => {
    options.onUpdate(round.received);
    if (round.complete) completion.dispatchEvent(new Event('complete'));
  };
  const complete = new Promise<void>((resolve, reject) => {
    completion.addEventListener('complete', () => resolve());
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const server = await serveRound(round, { ...options, onUpdate });
  try {
    options.onServing(server.url);
    await complete;
  } finally {
    await server.close();
  }
}
