/** Upper limits on how much of a gradient a codec may send. */

/**
 * The greatest fraction of each parameter's values that `top-k` may send: at a quarter, indices cost as much as they
 * save.
 */
export const mostDensity = 0.25;

/** The greatest rank of `power-sgd`. */
export const mostRank = 256;
