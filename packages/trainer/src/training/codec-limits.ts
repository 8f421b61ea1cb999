/** How much of a gradient its codecs may send at most. */

/** The greatest fraction of `top-k`, of each parameter's values: where a quarter is sent, indices cost as much as they save. */
export const mostDensity = 0.25;

/** The limit of `power-sgd`. */
export const mostRank = 256;
