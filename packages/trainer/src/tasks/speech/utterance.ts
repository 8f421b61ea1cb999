import type { Recording } from '@unroll/core';

export interface Utterance extends Recording {
  /** What is said, in lower-case letters. */
  readonly transcript: string;
}
