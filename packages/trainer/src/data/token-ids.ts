// Token ids of a text that may be larger than memory. They are read in windows through the interface of `Int32Array`.

/** A text as token ids. */
export interface TokenIds {
  /** The number of tokens. */
  readonly length: number;
  /** Copies the ids from `start` inclusive to `end` exclusive; fewer if the text ends earlier. */
  slice(start: number, end: number): Int32Array;
}

/** Number of ids in memory at once when a text is read from beginning to end. */
const WINDOW = 2 ** 16;

/** Yields all ids in order, window by window. */
export function* windowsOf(ids: TokenIds): Generator<Int32Array, void, undefined> {
  for (let start = 0; start < ids.length; start += WINDOW) yield ids.slice(start, start + WINDOW);
}
