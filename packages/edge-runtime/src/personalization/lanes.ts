/**
 * Arranges token ids for training steps: half of the lanes read the owner's text, the other half the model's own. Each
 * lane starts at its share of the text and wraps around.
 */

/** The tokens of one training step. */
export interface Window {
  /** int32 [time, batch]. */
  readonly ids: Int32Array;
  /** int32 [time·batch]: the token after each id. */
  readonly targets: Int32Array;
}

export interface WindowShape {
  readonly time: number;
  readonly batch: number;
}

/**
 * Cuts a window. Lanes 0 to batch/2 − 1 read `own`, the others `general`; window `index` follows window `index − 1`.
 */
export function readWindow(
  own: readonly number[],
  general: readonly number[],
  { time, batch }: WindowShape,
  index: number,
): Window {
  const ids = new Int32Array(time * batch);
  const targets = new Int32Array(time * batch);
  const half = batch / 2;
  for (let lane = 0; lane < batch; lane++) {
    const text = lane < half ? own : general;
    const start = Math.floor(((lane % half) * text.length) / half) + index * time;
    for (let t = 0; t < time; t++) {
      ids[t * batch + lane] = text[(start + t) % text.length]!;
      targets[t * batch + lane] = text[(start + t + 1) % text.length]!;
    }
  }
  return { ids, targets };
}

/** Whether an element of [time·batch] belongs to the owner's text. */
export function isOwn(element: number, { batch }: WindowShape): boolean {
  return element % batch < batch / 2;
}

/**
 * Share of the owner's tokens in the loss. The rest goes to the model's own text, because what is not rehearsed is
 * forgotten first.
 */
const ownShare = 0.25;

/** The weight of each token's loss in the minimised loss, [time·batch]; the weights sum to 1. */
export function lossWeights(shape: WindowShape): Float32Array<ArrayBuffer> {
  const half = (shape.time * shape.batch) / 2;
  const weights = new Float32Array(2 * half);
  return weights.map((_, element) => (isOwn(element, shape) ? ownShare : 1 - ownShare) / half);
}
