// Token ids of a text that need not lie in memory: read by window, as from an `Int32Array`, which is one.

/** A text as token ids. */
export interface TokenIds {
  /** The number of tokens. */
  readonly length: number;
  /** A copy of the ids from `start` up to and without `end`; fewer where the text ends before. */
  slice(start: number, end: number): Int32Array;
}

/** How many ids are in memory at once where a text is read from its beginning to its end. */
const WINDOW = 2 ** 16;

/** All ids, in order, window by window. */
export function* windowsOf(ids: TokenIds): Generator<Int32Array, void, undefined> {
  for (let start = 0; start < ids.length; start += WINDOW) yield ids.slice(start, start + WINDOW);
}
