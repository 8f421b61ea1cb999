/** How a worker's gradient becomes bytes. Which codec a run has is said here; what each does is in the files beside this one. */

/**
 * - `float32`: as it is.
 * - `bfloat16`: each value rounded to 8 bits of precision; nothing is held back.
 * - `int8`: blocks of values as multiples of 1/127 of their greatest, with error feedback.
 * - `top-k`: the greatest values of each parameter, the others held back: `top-k.ts`.
 * - `power-sgd`: each matrix as the product of two narrow ones, with error feedback: `power-sgd.ts`.
 */
export type GradientCodec = { readonly name: 'float32' } | LossyCodec;

/** The codecs that change what they send. */
export type LossyCodec =
  | { readonly name: 'bfloat16' | 'int8' }
  | TopKCodec
  | { readonly name: 'power-sgd'; readonly rank: number };

export interface TopKCodec {
  readonly name: 'top-k';
  /** The part of a parameter's values that is sent, in (0, 1]. */
  readonly density: number;
  /** Taken by the worker, before it chooses; the servers' optimizer is then `sgd`. 0 for none. */
  readonly momentum: number;
  readonly isNesterov: boolean;
  /**
   * The bound on the norm of the gradient of all lanes. A worker with the part p of them clips its own to √p of it before
   * it adds it to what it holds back, as those of the lanes are taken to be independent; the servers then clip nothing.
   */
  readonly clipNorm: number | undefined;
}

/** Whether a worker keeps what it has not sent, so that something is lost with it. */
export function holdsBack({ name }: GradientCodec): boolean {
  return name !== 'float32' && name !== 'bfloat16';
}
