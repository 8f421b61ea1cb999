// The settings of a `tokenizer.json` that are followed, for the kinds of file that Hugging Face's library reads for us.

import type { AddedToken } from './added-tokens.js';
import {
  addedToken,
  anything,
  either,
  type FollowedSettings,
  isRecord,
  nothing,
  only,
  requireFollowed,
  typed,
} from './followed-settings.js';

type Json = Readonly<Record<string, unknown>>;

/** Settings that are followed whatever the kind. */
export const commonSettings: FollowedSettings = {
  version: only(undefined, '1.0'),
  truncation: nothing,
  padding: nothing,
  added_tokens: either(only(undefined), Array.isArray),
  pre_tokenizer: anything,
  model: anything,
};

/** The settings of a byte-level post-processor and decoder, which concern offsets alone. */
const byteLevelRest = typed('ByteLevel', { add_prefix_space: anything, trim_offsets: anything, use_regex: anything });

const byteLevelFile: FollowedSettings = {
  ...commonSettings,
  normalizer: nothing,
  post_processor: either(nothing, byteLevelRest),
  decoder: byteLevelRest,
};

const byteLevel: FollowedSettings = {
  type: only('ByteLevel'),
  add_prefix_space: only(false),
  trim_offsets: anything,
  use_regex: only(undefined, true),
};

const bpeModel: FollowedSettings = {
  type: only('BPE', undefined), // older files do not say it
  vocab: anything,
  merges: anything,
  dropout: only(undefined, null, 0),
  // Where all bytes are tokens nothing is unknown, so that it does not matter what would be.
  unk_token: anything,
  continuing_subword_prefix: nothing,
  end_of_word_suffix: nothing,
  fuse_unk: anything,
  byte_fallback: nothing,
  ignore_merges: nothing,
};

const bertEnds = typed('BertProcessing', { sep: anything, cls: anything });
const bertTemplate = typed('TemplateProcessing', {
  single: only([
    { SpecialToken: { id: '[CLS]', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: '[SEP]', type_id: 0 } },
  ]),
  pair: anything,
  special_tokens: anything,
});

const bertFile: FollowedSettings = {
  ...commonSettings,
  normalizer: typed('BertNormalizer', {
    clean_text: anything,
    handle_chinese_chars: anything,
    strip_accents: anything,
    lowercase: anything,
  }),
  post_processor: either(nothing, bertEnds, bertTemplate),
  decoder: anything, // no text is made of BERT's ids
};

const wordPieceModel: FollowedSettings = {
  type: only('WordPiece', undefined),
  vocab: anything,
  unk_token: anything,
  continuing_subword_prefix: anything,
  max_input_chars_per_word: anything,
};

/** Throws an Error naming the setting with which `json` would not be byte-level BPE as GPT-2's is. */
export function requireByteLevelBpe(json: unknown): void {
  requireAllFollowed(record(json, 'the file'), byteLevelFile, { model: bpeModel, preTokenizer: byteLevel });
}

/** Throws an Error naming the setting with which `json` would not be a tokenizer as BERT's is. */
export function requireBertWordPiece(json: unknown): void {
  const preTokenizer = { type: only('BertPreTokenizer') };
  requireAllFollowed(record(json, 'the file'), bertFile, { model: wordPieceModel, preTokenizer });
}

export function requireAllFollowed(
  file: Json,
  settings: FollowedSettings,
  parts: { readonly model: FollowedSettings; readonly preTokenizer: FollowedSettings },
): void {
  requireFollowed(file, '', settings);
  requireFollowed(record(file.pre_tokenizer, 'pre_tokenizer'), 'pre_tokenizer.', parts.preTokenizer);
  requireFollowed(record(file.model, 'model'), 'model.', parts.model);
  for (const [place, token] of ((file.added_tokens ?? []) as readonly AddedToken[]).entries()) {
    requireFollowed(record(token, `added_tokens[${place}]`), `added_tokens[${place}].`, addedToken);
  }
}

/** Throws an Error that names a part of the file that is no object. */
export function record(value: unknown, name: string): Json {
  if (isRecord(value)) return value;
  const problem = `${name} is ${value === undefined ? 'missing' : 'not an object'}; is it a tokenizer's file?`;
  throw new Error(`tokenizer.json: ${problem}`);
}
