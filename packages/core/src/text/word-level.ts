// The model of a `tokenizer.json` that looks tokens up whole.

import type { Vocabulary } from './vocabulary.js';

/** The token for words or characters that the vocabulary lacks. */
export const UNK = '<unk>';

/** Prefix of pieces that continue a word; no token begins with it. */
const NO_PREFIX = '\n';

/**
 * A `WordLevel` model. Hugging Face's JavaScript library does not know such models. The last two fields, which
 * others ignore, make it read a `WordPiece` model without pieces that continue a word. That gives the same ids.
 */
export function wordLevelModel(vocabulary: Vocabulary): object {
  return {
    type: 'WordLevel',
    vocab: vocabulary.toJSON(),
    unk_token: UNK,
    continuing_subword_prefix: NO_PREFIX,
    // Longer words are unknown; the library need not search their pieces.
    max_input_chars_per_word: longest(vocabulary.tokens),
  };
}

function longest(tokens: readonly string[]): number {
  return tokens.reduce((most, token) => Math.max(most, [...token].length), 0);
}
