/** Hears which ranges `[from, to)` of a vector have been read into it, ascending. What is in none is zero. */
export type Written = (from: number, to: number) => void;
