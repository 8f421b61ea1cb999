// The followed settings of a `tokenizer.json`, for the kinds of file that Hugging Face's library reads for us.

import { isRecord } from '../checks/is-record.js';
import type { AddedToken } from './added-tokens.js';
import {
  addedToken,
  anything,
  either,
  type FollowedSettings,
  nothing,
  only,
  requireFollowed,
  typed,
} from './followed-settings.js';

type Json = Readonly<Record<string, unknown>>;

/** Settings that are followed in every kind of file. */
export const commonSettings: FollowedSettings = {
  version: only(undefined, '1.0'),
  truncation: nothing,
  padding: nothing,
  added_tokens: either(only(undefined), Array.isArray),
  pre_tokenizer: anything,
  model: anything,
};

/** The settings of a byte-level post-processor and decoder; they affect only offsets. */
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
  type: only('BPE', undefined), // older files leave it out
  vocab: anything,
  merges: anything,
  start_token: only(undefined, null), // null: the model has none
  dropout: only(undefined, null, 0),
  // If all bytes are tokens, nothing is unknown, so the unknown token does not matter.
  unk_token: anything,
  continuing_subword_prefix: nothing,
  end_of_word_suffix: nothing,
  fuse_unk: anything,
  byte_fallback: nothing,
  ignore_merges: nothing,
};

const wholeBytes: FollowedSettings = { ...byteLevel, use_regex: only(false) };

/** Greedy matching over bytes, as RWKV's World tokenizer does it. */
const worldModel: FollowedSettings = {
  type: only('WordPiece'),
  vocab: anything,
  unk_token: anything, // all bytes are tokens
  continuing_subword_prefix: only(''),
  max_input_chars_per_word: anything,
  start_token: only(null),
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
  decoder: anything, // BERT's ids are never decoded to text
};

const wordPieceModel: FollowedSettings = {
  type: only('WordPiece', undefined),
  vocab: anything,
  unk_token: anything,
  continuing_subword_prefix: anything,
  max_input_chars_per_word: anything,
};

/**
 * Checks that `json` is byte-level BPE like GPT-2's.
 * @throws Error naming the setting that differs
 */
export function requireByteLevelBpe(json: unknown): void {
  requireAllFollowed(record(json, 'the file'), byteLevelFile, { model: bpeModel, preTokenizer: byteLevel });
}

/**
 * Checks that `json` is a World tokenizer.
 * @throws Error naming the setting that differs
 */
export function requireWorld(json: unknown): void {
  requireAllFollowed(record(json, 'the file'), byteLevelFile, { model: worldModel, preTokenizer: wholeBytes });
}

/**
 * Checks that `json` is a tokenizer like BERT's.
 * @throws Error naming the setting that differs
 */
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

/**
 * Returns `value` if it is an object.
 * @throws Error naming the part of the file that is not an object
 */
export function record(value: unknown, name: string): Json {
  if (isRecord(value)) return value;
  const problem = `${name} is ${value === undefined ? 'missing' : 'not an object'}; is it a tokenizer's file?`;
  throw new Error(`tokenizer.json: ${problem}`);
}
