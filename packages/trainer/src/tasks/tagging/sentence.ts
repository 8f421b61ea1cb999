export interface TaggedSentence {
  readonly words: readonly string[];
  /** The tag of each word. */
  readonly tags: readonly string[];
}
