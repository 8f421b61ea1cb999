// A text of one or more files as token ids, in the order of the files or in the order of an epoch.

import { seededRandom } from '@unroll/core/decoding';
import type { TextFingerprint } from './text-fingerprint.js';
import type { TokenIds } from './token-ids.js';

/** The ids of one file: `start` inclusive, `end` exclusive. */
interface Extent {
  readonly start: number;
  readonly end: number;
}

export class EncodedText implements TokenIds {
  readonly length: number;
  readonly fingerprint: TextFingerprint;
  readonly #ids: TokenIds;
  readonly #files: readonly Extent[];

  /** @param fileEnds the index at which the ids of each file end, ascending; the last is the number of ids */
  constructor(ids: TokenIds, fileEnds: readonly number[], fingerprint: TextFingerprint) {
    this.length = ids.length;
    this.fingerprint = fingerprint;
    this.#ids = ids;
    this.#files = fileEnds.map((end, file) => ({ start: fileEnds[file - 1] ?? 0, end }));
  }

  slice(start: number, end: number): Int32Array {
    return this.#ids.slice(start, end);
  }

  /**
   * Returns the same ids with the files in another order, which depends only on seed and epoch; a text of one file is
   * returned as it is. The order is a Fisher–Yates shuffle.
   */
  shuffled(seed: number, epoch: number): TokenIds {
    if (this.#files.length < 2) return this;
    const random = seededRandom((seed % 2 ** 32) + (epoch % 2 ** 21) * 2 ** 32);
    const files = [...this.#files];
    for (let last = files.length - 1; last > 0; last--) {
      const drawn = Math.floor(random() * (last + 1));
      [files[last], files[drawn]] = [files[drawn]!, files[last]!];
    }
    return new Rearranged(this.#ids, files);
  }
}

/** Extents of a text, one after another. */
class Rearranged implements TokenIds {
  readonly length: number;
  readonly #ids: TokenIds;
  readonly #extents: readonly Extent[];

  constructor(ids: TokenIds, extents: readonly Extent[]) {
    this.length = ids.length;
    this.#ids = ids;
    this.#extents = extents;
  }

  slice(start: number, end: number): Int32Array {
    const result = new Int32Array(Math.max(0, Math.min(end, this.length) - start));
    let before = 0;
    for (const extent of this.#extents) {
      const from = Math.max(start - before, 0);
      const to = Math.min(end - before, extent.end - extent.start);
      if (from < to) result.set(this.#ids.slice(extent.start + from, extent.start + to), before + from - start);
      before += extent.end - extent.start;
    }
    return result;
  }
}
