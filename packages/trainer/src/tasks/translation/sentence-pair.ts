export interface SentencePair {
  readonly source: string;
  readonly target: string;
  /** Where the source stands, for messages. */
  readonly place: string;
}
