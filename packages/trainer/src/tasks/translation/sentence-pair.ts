export interface SentencePair {
  readonly source: string;
  readonly target: string;
  /** Location of the source, for messages. */
  readonly place: string;
}
