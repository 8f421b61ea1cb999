/** One round of federated averaging: takes updates until it has as many as it waits for. Knows no network and no files. */
import type { Round } from '@unroll/edge-runtime';

/** Why an update was not taken, as an HTTP status and a line; undefined if it was, now or before under the same key. */
export type Refusal = { readonly status: number; readonly reason: string } | undefined;

export class FederatedRound {
  readonly terms: Round;
  readonly #sum: Float64Array;
  readonly #keys = new Set<string>();

  constructor(terms: Round) {
    this.terms = terms;
    this.#sum = new Float64Array(terms.parameters);
  }

  get received(): number {
    return this.#keys.size;
  }

  get complete(): boolean {
    return this.received === this.terms.clients;
  }

  /** Adds an update once, however often it is sent under its key. */
  add(key: string, update: Float32Array): Refusal {
    const { parameters } = this.terms;
    if (this.#keys.has(key)) return undefined;
    if (this.complete) return { status: 409, reason: 'the round is complete; load the newest bundle' };
    if (update.length !== parameters) {
      return { status: 400, reason: `an update has ${parameters} numbers, this one ${update.length}` };
    }
    const length = Math.sqrt(update.reduce((sum, value) => sum + value * value, 0));
    if (!(length <= longest(this.terms))) {
      return { status: 422, reason: 'the update is not finite, or longer than a clipped and noised one can be' };
    }
    this.#keys.add(key);
    for (let i = 0; i < parameters; i++) this.#sum[i]! += update[i]!;
    return undefined;
  }

  /** The mean of the updates, by the sizes of the parameters in their order. */
  mean(sizes: Readonly<Record<string, number>>): Record<string, Float32Array> {
    let offset = 0;
    return Object.fromEntries(
      Object.entries(sizes).map(([name, size]) => {
        const part = this.#sum.subarray(offset, offset + size);
        offset += size;
        return [name, Float32Array.from(part, (value) => value / this.received)];
      }),
    );
  }
}

/** C and the noise's length, which exceeds √parameters deviations by more than six with a chance below 1e-8. */
function longest({ clipNorm, noiseMultiplier, clients, parameters }: Round): number {
  const deviation = (noiseMultiplier * clipNorm) / Math.sqrt(clients);
  return clipNorm * (1 + 1e-5) + deviation * (Math.sqrt(parameters) + 6);
}
