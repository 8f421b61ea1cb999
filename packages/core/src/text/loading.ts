// Reads a `tokenizer.json` back: recognises the kind by the parts that the tokenizers of this folder write, and says in
// one line what is wrong with a file that is none of them.

import { BpeTokenizer } from './bpe-tokenizer.js';
import { CharTokenizer } from './char-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';
import { Vocabulary } from './vocabulary.js';
import { WordTokenizer } from './word-tokenizer.js';

/**
 * The tokenizer that `json`, the parsed contents of a `tokenizer.json`, describes: word level over white space, word
 * level over characters, or byte-level BPE with an added token `"\n"`.
 *
 * @throws Error naming the field that is missing or wrong
 */
export function loadTokenizer(json: unknown): Tokenizer {
  const file = record(json, 'the file');
  const model = record(file.model, 'model');
  const preTokenizer = record(file.pre_tokenizer, 'pre_tokenizer');
  const layout = `${String(model.type)} over ${String(preTokenizer.type)}`;
  switch (layout) {
    case 'WordLevel over WhitespaceSplit':
      return new WordTokenizer(parseVocabulary(model));
    case 'WordLevel over Split':
      return new CharTokenizer(parseVocabulary(model));
    case 'BPE over ByteLevel':
      return new BpeTokenizer({ vocabulary: parseVocabulary(model), merges: parseMerges(model.merges) });
    default:
      throw invalid(
        `model ${layout} is not supported; use WordLevel over WhitespaceSplit or Split, or BPE over ByteLevel`,
      );
  }
}

function parseVocabulary(model: Record<string, unknown>): Vocabulary {
  const entries = Object.entries(record(model.vocab, 'model.vocab'));
  const tokens = new Array<string | undefined>(entries.length).fill(undefined);
  for (const [token, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= entries.length) {
      throw invalid(`model.vocab[${JSON.stringify(token)}] is ${id}; ids run from 0 to ${entries.length - 1}`);
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

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${name} is ${value === undefined ? 'missing' : 'not an object'}; is it a tokenizer's file?`);
  }
  return { ...value };
}

function invalid(problem: string): Error {
  return new Error(`tokenizer.json: ${problem}`);
}
