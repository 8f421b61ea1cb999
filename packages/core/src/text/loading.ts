// Reads a `tokenizer.json` back: recognises the kind by the parts that the tokenizers of this folder write, and says in
// one line what is wrong with a file that is none of them, or says something that is not followed.

import type { AddedToken } from './added-tokens.js';
import { BpeTokenizer } from './bpe-tokenizer.js';
import { CharTokenizer, SINGLE_CHARACTERS } from './char-tokenizer.js';
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
import type { Tokenizer } from './tokenizer.js';
import { Vocabulary } from './vocabulary.js';
import { UNK } from './word-level.js';
import { WORD_NORMALIZERS, WordTokenizer } from './word-tokenizer.js';

type Json = Readonly<Record<string, unknown>>;

/** Settings that are followed whatever the kind. */
const common: FollowedSettings = {
  version: only(undefined, '1.0'),
  truncation: nothing,
  padding: nothing,
  added_tokens: either(only(undefined), Array.isArray),
  pre_tokenizer: anything,
  model: anything,
};

const wordLevelModel: FollowedSettings = {
  type: anything,
  vocab: anything,
  unk_token: only(UNK),
  // What the next two say is nothing to a model of whole words.
  continuing_subword_prefix: anything,
  max_input_chars_per_word: anything,
};

const wordFile: FollowedSettings = {
  ...common,
  normalizer: only(...WORD_NORMALIZERS),
  post_processor: nothing,
  decoder: nothing,
};

const charFile: FollowedSettings = {
  ...common,
  normalizer: nothing,
  post_processor: nothing,
  decoder: either(nothing, typed('Fuse')),
};

const singleCharacters: FollowedSettings = {
  type: anything,
  pattern: only(SINGLE_CHARACTERS.pattern),
  behavior: only(SINGLE_CHARACTERS.behavior),
  invert: only(SINGLE_CHARACTERS.invert),
};

/** Of a byte-level post-processor and decoder all settings are of offsets. */
const byteLevelRest = typed('ByteLevel', { add_prefix_space: anything, trim_offsets: anything, use_regex: anything });

const byteLevelFile: FollowedSettings = {
  ...common,
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
  type: only('BPE'),
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

/**
 * The tokenizer that `json`, the parsed contents of a `tokenizer.json`, describes: word level over white space, word
 * level over characters, or byte-level BPE with a token `"\n"`.
 *
 * @throws Error naming the field that is missing or wrong, or the setting that is not followed
 */
export function loadTokenizer(json: unknown): Tokenizer {
  const file = record(json, 'the file');
  const model = record(file.model, 'model');
  const preTokenizer = record(file.pre_tokenizer, 'pre_tokenizer');
  const layout = `${String(model.type)} over ${String(preTokenizer.type)}`;
  switch (layout) {
    case 'WordLevel over WhitespaceSplit':
      requireAllFollowed(file, wordFile, { model: wordLevelModel, preTokenizer: { type: anything } });
      return WordTokenizer.of(parseVocabulary(file, model), file.normalizer, addedTokensOf(file));
    case 'WordLevel over Split':
      requireAllFollowed(file, charFile, { model: wordLevelModel, preTokenizer: singleCharacters });
      return new CharTokenizer(parseVocabulary(file, model), addedTokensOf(file));
    case 'BPE over ByteLevel': {
      requireByteLevelBpe(file);
      const vocabulary = parseVocabulary(file, model);
      return new BpeTokenizer({ vocabulary, merges: parseMerges(model.merges), addedTokens: addedTokensOf(file) });
    }
    default:
      throw invalid(
        `model ${layout} is not supported; use WordLevel over WhitespaceSplit or Split, or BPE over ByteLevel`,
      );
  }
}

/** Throws an Error naming a setting with which `json` would not be byte-level BPE as GPT-2's is. */
export function requireByteLevelBpe(json: unknown): void {
  requireAllFollowed(record(json, 'the file'), byteLevelFile, { model: bpeModel, preTokenizer: byteLevel });
}

function requireAllFollowed(
  file: Json,
  settings: FollowedSettings,
  parts: { readonly model: FollowedSettings; readonly preTokenizer: FollowedSettings },
): void {
  requireFollowed(file, '', settings);
  requireFollowed(record(file.pre_tokenizer, 'pre_tokenizer'), 'pre_tokenizer.', parts.preTokenizer);
  requireFollowed(record(file.model, 'model'), 'model.', parts.model);
  for (const [place, token] of addedTokensOf(file).entries()) {
    requireFollowed(record(token, `added_tokens[${place}]`), `added_tokens[${place}].`, addedToken);
  }
}

/** The added tokens of a file; what they say is checked by `requireAllFollowed`. */
function addedTokensOf(file: Json): readonly AddedToken[] {
  return (file.added_tokens ?? []) as readonly AddedToken[];
}

/** The model's tokens and those that were added to them. */
function parseVocabulary(file: Json, model: Json): Vocabulary {
  const vocab = Object.entries(record(model.vocab, 'model.vocab'));
  const known = new Map(vocab);
  const added = addedTokensOf(file).filter(({ content, id }) => known.get(content) !== id);
  const entries = [...vocab, ...added.map(({ content, id }) => [content, id] as const)];
  const tokens = new Array<string | undefined>(entries.length).fill(undefined);
  for (const [token, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) {
      throw invalid(`model.vocab[${JSON.stringify(token)}] is ${JSON.stringify(id)}; ids are whole numbers from 0`);
    }
    if (id >= entries.length) {
      const ids = `ids run from 0 to ${entries.length - 1}, one for each token`;
      throw invalid(`model.vocab[${JSON.stringify(token)}] is ${id}; ${ids}; fill the gaps`);
    }
    if (tokens[id] !== undefined) {
      throw invalid(`model.vocab gives id ${id} to ${JSON.stringify(tokens[id])} and to ${JSON.stringify(token)}`);
    }
    tokens[id] = token;
  }
  // As many distinct ids as entries, all in range: none is left undefined.
  return new Vocabulary(tokens as string[]);
}

function parseMerges(value: unknown): [string, string][] {
  if (!Array.isArray(value)) throw invalid('model.merges is missing; it is a list of pairs of tokens');
  return value.map((merge: unknown, rank) => {
    // Older files write a merge as one string, "left right".
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.every((part) => typeof part === 'string')) {
      throw invalid(`model.merges[${rank}] is ${JSON.stringify(merge)}; expected a pair of tokens`);
    }
    return [String(parts[0]), String(parts[1])];
  });
}

function record(value: unknown, name: string): Json {
  if (!isRecord(value)) {
    throw invalid(`${name} is ${value === undefined ? 'missing' : 'not an object'}; is it a tokenizer's file?`);
  }
  return value;
}

function invalid(problem: string): Error {
  return new Error(`tokenizer.json: ${problem}`);
}
