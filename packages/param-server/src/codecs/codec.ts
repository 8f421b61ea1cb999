/**
 * The choices of a run's codec, which turns a worker's gradient into bytes. The files beside this one implement them.
 */

/**
 * The codec of a run's gradients:
 * - `float32`: unchanged.
 * - `bfloat16`: each value rounded to 8 bits of precision; nothing is held back.
 * - `int8`: blocks of values as multiples of 1/127 of their greatest, with error feedback.
 * - `top-k`: the greatest values of each parameter; the others are held back: `top-k.ts`.
 * - `power-sgd`: each matrix as the product of two narrow ones, with error feedback: `power-sgd.ts`.
 */
export type GradientCodec = { readonly name: 'float32' } | LossyCodec;

/** The codecs that change the values they send. */
export type LossyCodec =
  | { readonly name: 'bfloat16' | 'int8' }
  | TopKCodec
  | { readonly name: 'power-sgd'; readonly rank: number };

export interface TopKCodec {
  readonly name: 'top-k';
  /** The fraction of a parameter's values that is sent, in (0, 1]. */
  readonly density: number;
  /**
   * The momentum that the worker applies before it chooses values; the servers' optimizer is then `sgd`. 0 for none.
   */
  readonly momentum: number;
  readonly isNesterov: boolean;
  /**
   * The bound on the norm of the gradient of all lanes. A worker with the fraction p of the lanes clips its own
   * gradient to √p of the bound before adding it to its held-back values. This assumes independent gradients across
   * lanes. The servers then clip nothing.
   */
  readonly clipNorm: number | undefined;
}

/** Returns whether a worker keeps values that it has not sent, which are lost if the worker is. */
export function holdsBack({ name }: GradientCodec): boolean {
  return name !== 'float32' && name !== 'bfloat16';
}
