/**
 * Top-k with momentum correction: only the greatest values of each slice are sent, and a held-back value grows until it
 * is among them. Lin et al. (2018), "Deep gradient compression", algorithm 2. The worker applies momentum to the
 * gradient before holding it back; the servers do not apply it to what arrives. Momentum stops where a value is sent
 * (momentum factor masking). The paper's warm-up, in which the first epochs send more, is left out: while most values
 * are sent, most momentum is stopped. No format is needed: values that are not sent are zero, and zeros do not travel.
 */
import type { TopKCodec } from './codec.js';
import { largest } from './largest.js';

export type TopKOptions = Pick<TopKCodec, 'density' | 'momentum' | 'isNesterov'>;

export class TopK {
  readonly #options: TopKOptions;
  readonly #count: number;
  /** The paper's u and v, `[slice.length]`. */
  readonly #velocity: Float32Array;
  readonly #heldBack: Float32Array;

  constructor({ length }: { readonly length: number }, options: TopKOptions) {
    this.#options = options;
    this.#count = Math.ceil(options.density * length);
    this.#velocity = new Float32Array(length);
    this.#heldBack = new Float32Array(length);
  }

  /**
   * Adds a gradient and writes the values to send into `sent`, of the same length: the greatest held-back values.
   * @param scale the clipping factor, which multiplies the gradient
   */
  encode(gradient: Float32Array, scale: number, sent: Float32Array): void {
    this.#accumulate(gradient, scale);
    sent.fill(0);
    for (const i of largest(this.#heldBack, this.#count)) {
      sent[i] = this.#heldBack[i]!;
      this.#heldBack[i] = 0;
      this.#velocity[i] = 0;
    }
  }

  reset(): void {
    this.#velocity.fill(0);
    this.#heldBack.fill(0);
  }

  #accumulate(gradient: Float32Array, scale: number): void {
    const { momentum, isNesterov } = this.#options;
    const [velocity, heldBack] = [this.#velocity, this.#heldBack];
    for (let i = 0; i < gradient.length; i++) {
      const g = scale * gradient[i]!;
      velocity[i] = isNesterov ? momentum * (velocity[i]! + g) : momentum * velocity[i]! + g;
      heldBack[i]! += isNesterov ? velocity[i]! + g : velocity[i]!;
    }
  }
}
