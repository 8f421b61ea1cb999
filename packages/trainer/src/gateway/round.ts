/** One round of federated averaging: takes updates until it has enough. It knows no network and no files. */
import type { Round } from '@unroll/edge-runtime';

/**
 * The reason for refusing an update, as an HTTP status and a line. Undefined if it was taken, now or earlier under the
 * same key.
 */
export type RoundRefusal = { readonly status: number; readonly reason: string } | undefined;

export class FederatedRound {
  readonly terms: Round;
  readonly #sum: Float64Array;
  readonly #keys = new Set<string>();
  readonly #clients = new Set<string>();

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

  /**
   * Adds an update once, however often it is sent under its key.
   * @param client the sender, from whom the round takes one update; undefined if clients are not distinguished
   */
  add(key: string, update: Float32Array, client?: string): RoundRefusal {
    const { parameters } = this.terms;
    if (this.#keys.has(key)) return undefined;
    if (client !== undefined && this.#clients.has(client)) {
      return { status: 409, reason: 'this client has contributed to the round already' };
    }
    if (this.complete) return { status: 409, reason: 'the round is complete; load the newest bundle' };
    if (update.length !== parameters) {
      return { status: 400, reason: `an update has ${parameters} numbers, this one ${update.length}` };
    }
    const norm = Math.sqrt(update.reduce((sum, value) => sum + value * value, 0));
    const [least, most] = honestNorms(this.terms);
    if (!(norm <= most)) {
      return { status: 422, reason: 'the update is not finite, or longer than a clipped and noised one can be' };
    }
    if (norm < least) return { status: 422, reason: 'the update is shorter than its share of the noise can be' };
    this.#keys.add(key);
    if (client !== undefined) this.#clients.add(client);
    for (let i = 0; i < parameters; i++) this.#sum[i]! += update[i]!;
    return undefined;
  }

  /** Returns the mean of the updates, split by the parameters' sizes, in their order. */
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

/** -ln of the probability that an honest update is refused on one side. */
const rarity = -Math.log(1e-9);

/**
 * Returns the least and the greatest plausible Euclidean norm of an update u + z with ‖u‖ ≤ C and noise z. On each
 * side, less than one honest update in 10⁹ lies outside. ‖z‖² lies between P − 2√(Pt) and P + 2√(Pt) + 2t squared
 * deviations, except with a probability of e⁻ᵗ (Laurent and Massart 2000, lemma 1), and u·z is below √(2t)·C
 * deviations. An update without noise passes unless the noise is longer than C: a server cannot tell more from one
 * update.
 */
function honestNorms({ clipNorm, noiseMultiplier, clients, parameters }: Round): [least: number, most: number] {
  const deviation = (noiseMultiplier * clipNorm) / Math.sqrt(clients);
  const spread = 2 * Math.sqrt(parameters * rarity);
  const shortestNoise = deviation * Math.sqrt(Math.max(0, parameters - spread));
  const longestNoise = deviation * Math.sqrt(parameters + spread + 2 * rarity);
  const product = 2 * Math.sqrt(2 * rarity) * clipNorm * deviation;
  const most = Math.sqrt(clipNorm ** 2 + product + longestNoise ** 2);
  const rounding = 1e-5;
  return [(shortestNoise - clipNorm) * (1 - rounding), most * (1 + rounding)];
}
