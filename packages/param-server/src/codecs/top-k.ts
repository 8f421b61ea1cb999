/**
 * Top-k with momentum correction: of each slice only the greatest values are sent, and what is held back grows until it is
 * among them. Lin et al. (2018), "Deep gradient compression", algorithm 2: momentum is taken of the gradient before it is
 * held back, not by the servers of what arrives, and stops where a value is sent (momentum factor masking). Their warm-up,
 * in which the first epochs send more, is left out: while most values are sent, most momentum is stopped. It needs no
 * format: what is not sent is zero, and zeros do not travel.
 */
import type { TopKCodec } from './codec.js';
import { largest } from './largest.js';

export type TopKOptions = Pick<TopKCodec, 'density' | 'momentum' | 'isNesterov'>;

export class TopK {
  readonly #options: TopKOptions;
  readonly #count: number;
  /** u and v in the paper, `[slice.length]`. */
  readonly #velocity: Float32Array;
  readonly #heldBack: Float32Array;

  constructor({ length }: { readonly length: number }, options: TopKOptions) {
    this.#options = options;
    this.#count = Math.ceil(options.density * length);
    this.#velocity = new Float32Array(length);
    this.#heldBack = new Float32Array(length);
  }

  /**
   * Takes a gradient and writes to `sent`, as long, what is sent: the greatest values of what is held back.
   * @param scale by which the gradient is multiplied, that is clipped
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
