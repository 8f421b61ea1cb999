/**
 * Called with the ranges `[from, to)` of a vector that have been decoded into it, ascending. Elements outside of all
 * ranges are zero.
 */
export type Written = (from: number, to: number) => void;
