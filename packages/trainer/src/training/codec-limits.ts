/** How much of a gradient its codecs may send at most. */

/** Of `top-k`, as a part of each parameter's values: where a quarter is sent, indices cost as much as they save. */
export const mostDensity = 0.25;

/** Of `power-sgd`. */
export const mostRank = 256;
