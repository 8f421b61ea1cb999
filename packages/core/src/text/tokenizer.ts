/** What every tokenizer does, whatever it calls a token. */
export interface Tokenizer {
  /** `word`, `char` or `bpe`. */
  readonly kind: 'word' | 'char' | 'bpe';
  /** The number of ids; every id is in `[0, vocabSize)`. */
  readonly vocabSize: number;
  /** The id that ends a sentence or line, `<eos>`. Evaluation and generation start from it. */
  readonly eosId: number;
  /** The id for what the vocabulary lacks, `<unk>`; undefined where nothing can be unknown. */
  readonly unkId: number | undefined;
  /** The ids of `text`. A line break becomes `<eos>`; none is added at the end. */
  encode(text: string): number[];
  /** The text of `ids`, as a person would write it. */
  decode(ids: readonly number[]): string;
  /** The token with this id, as it stands in the vocabulary. */
  token(id: number): string;
  /** The id of exactly this token; undefined if the vocabulary lacks it. */
  id(token: string): number | undefined;
  /** The contents of `tokenizer.json`, in the layout of Hugging Face's tokenizers. */
  toJSON(): object;
}
