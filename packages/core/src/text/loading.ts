// Reads a `tokenizer.json`. Recognizes the kind by the parts that the tokenizers of this folder write. For any other
// file, or a setting that is not followed, it throws one line that says what is wrong.

import type { AddedToken } from './added-tokens.js';
import { BpeTokenizer } from './bpe-tokenizer.js';
import { CharTokenizer, SINGLE_CHARACTERS } from './char-tokenizer.js';
import { anything, either, type FollowedSettings, nothing, only, typed } from './followed-settings.js';
import { commonSettings, record, requireAllFollowed, requireByteLevelBpe, requireWorld } from './kinds-of-file.js';
import type { Tokenizer } from './tokenizer.js';
import { Vocabulary } from './vocabulary.js';
import { UNK } from './word-level.js';
import { WORD_NORMALIZERS, WordTokenizer } from './word-tokenizer.js';
import { WorldTokenizer } from './world-tokenizer.js';

type Json = Readonly<Record<string, unknown>>;

const wordLevelModel: FollowedSettings = {
  type: anything,
  vocab: anything,
  unk_token: only(UNK),
  // The next two settings have no effect on a model of whole words.
  continuing_subword_prefix: anything,
  max_input_chars_per_word: anything,
};

/** `start_token: null` stands in files of models without a start token. */
const charLevelModel: FollowedSettings = { ...wordLevelModel, start_token: only(undefined, null) };

const wordFile: FollowedSettings = {
  ...commonSettings,
  normalizer: only(...WORD_NORMALIZERS),
  post_processor: nothing,
  decoder: nothing,
};

const charFile: FollowedSettings = {
  ...commonSettings,
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

/**
 * Creates the tokenizer that `json`, the parsed contents of a `tokenizer.json`, describes: word level over white space,
 * word level over characters, byte-level BPE with a token `"\n"`, or a World tokenizer.
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
      requireAllFollowed(file, charFile, { model: charLevelModel, preTokenizer: singleCharacters });
      return new CharTokenizer(parseVocabulary(file, model), addedTokensOf(file), model.start_token !== null);
    case 'BPE over ByteLevel': {
      requireByteLevelBpe(file);
      const vocabulary = parseVocabulary(file, model);
      const hasStart = model.start_token !== null;
      return new BpeTokenizer({
        ...{ vocabulary, merges: parseMerges(model.merges), addedTokens: addedTokensOf(file), hasStart },
      });
    }
    case 'WordPiece over ByteLevel':
      requireWorld(file);
      return new WorldTokenizer(parseVocabulary(file, model));
    default:
      throw invalid(
        `model ${layout} is not supported; use WordLevel over WhitespaceSplit or Split, or BPE over ByteLevel`,
      );
  }
}

/** The added tokens of a file; `requireAllFollowed` has checked their settings. */
function addedTokensOf(file: Json): readonly AddedToken[] {
  return (file.added_tokens ?? []) as readonly AddedToken[];
}

/** The model's tokens and the tokens added to them. */
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
  // There are as many distinct ids as entries, all in range, so none is left undefined.
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

function invalid(problem: string): Error {
  return new Error(`tokenizer.json: ${problem}`);
}
