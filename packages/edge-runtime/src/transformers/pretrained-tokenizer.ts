/** The `tokenizer.json` of a published model, read by Hugging Face's JavaScript tokenizers. */
import { Tokenizer } from '@huggingface/tokenizers';
import { byteLevelSpans, requireBertWordPiece, requireByteLevelBpe, type Span } from '@unroll/core/text';

/** Checks of the settings of each kind of file. */
const requirements = { gpt2: requireByteLevelBpe, bert: requireBertWordPiece };

/** Converts text to ids and back, without special tokens around the text. */
export class PretrainedTokenizer {
  // The package's declarations do not resolve under Node's module rules, so the used members are declared here.
  readonly #delegate: {
    encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
    decode(ids: number[]): string;
    token_to_id(token: string): number | undefined;
    id_to_token(id: number): string | undefined;
    get_vocab(): Map<string, number>;
  };
  readonly vocabSize: number;

  readonly #addedTokens: readonly { readonly id: number }[];

  /** @throws Error naming the setting that is not followed, if `json` is not a tokenizer like this model's */
  constructor(json: object, modelType: keyof typeof requirements) {
    requirements[modelType](json);
    this.#addedTokens = (json as { added_tokens?: readonly { readonly id: number }[] }).added_tokens ?? [];
    this.#delegate = new Tokenizer(json, { clean_up_tokenization_spaces: false });
    this.vocabSize = this.#delegate.get_vocab().size;
  }

  encode(text: string): number[] {
    return this.#delegate.encode(text, { add_special_tokens: false }).ids;
  }

  /** Finds the part of `text` that each of its tokens `ids` stands for; only for byte-level tokenizers. */
  spans(text: string, ids: readonly number[]): Span[] {
    return byteLevelSpans(text, ids, this, this.#addedTokens);
  }

  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#delegate.decode([...ids]);
  }

  /** @throws RangeError for an id that no token has */
  token(id: number): string {
    const token = this.#delegate.id_to_token(id);
    if (token === undefined) throw new RangeError(`id ${id}: tokenizer.json has no such token`);
    return token;
  }

  id(token: string): number | undefined {
    return this.#delegate.token_to_id(token);
  }
}
