import type { Recording } from '@unroll/core';

export interface Utterance extends Recording {
  /** The spoken text, in lower-case letters. */
  readonly transcript: string;
}
