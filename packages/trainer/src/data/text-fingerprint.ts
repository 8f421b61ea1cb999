// A fingerprint identifies a text. Checkpoints store it, so that resuming a training on another text is noticed.

import { createHash } from 'node:crypto';
import { z } from 'zod';

export const textFingerprintSchema = z.object({
  /** Hash of the text's files in UTF-8, each ended by a NUL byte. */
  sha256: z.string(),
  tokens: z.int().nonnegative(),
  /** Number of tokens that the vocabulary lacks. */
  unknown: z.int().nonnegative(),
});

export type TextFingerprint = z.infer<typeof textFingerprintSchema>;

/** Computes the fingerprint of a text while it is encoded. */
export class FingerprintTaker {
  readonly #hash = createHash('sha256');
  readonly #unkId: number | undefined;
  #tokens = 0;
  #unknown = 0;

  constructor(unkId: number | undefined) {
    this.#unkId = unkId;
  }

  add(text: string, ids: Int32Array): void {
    this.#hash.update(text);
    this.#tokens += ids.length;
    for (const id of ids) if (id === this.#unkId) this.#unknown++;
  }

  endFile(): void {
    this.#hash.update('\0');
  }

  /** Returns the fingerprint; nothing may be added afterwards. */
  result(): TextFingerprint {
    return { sha256: this.#hash.digest('hex'), tokens: this.#tokens, unknown: this.#unknown };
  }
}

/** Describes how a text differs from another; undefined if it does not. */
export function differenceOf(was: TextFingerprint, is: TextFingerprint): string | undefined {
  if (was.sha256 === is.sha256) return undefined;
  const tokens =
    was.tokens === is.tokens ? `as many tokens, ${is.tokens}` : `${is.tokens} tokens instead of ${was.tokens}`;
  const share = ({ unknown, tokens }: TextFingerprint) => `${((100 * unknown) / Math.max(1, tokens)).toFixed(1)} %`;
  const unknown =
    share(was) === share(is) ? '' : `, ${share(is)} of them unknown to its vocabulary instead of ${share(was)}`;
  return `${tokens}${unknown}`;
}
