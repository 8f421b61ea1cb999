// The model of a `tokenizer.json` whose tokens are looked up whole.

import type { Vocabulary } from './vocabulary.js';

/** The token in place of one that the vocabulary lacks. */
export const UNK = '<unk>';

/** Pieces that go on with a word would begin with this, which no token does. */
const NO_PREFIX = '\n';

/**
 * A `WordLevel` model. Hugging Face's JavaScript library knows no such model: by the two last fields, which the others
 * ignore, it takes it for a `WordPiece` model without pieces that go on with a word, and that gives the same ids.
 */
export function wordLevelModel(vocabulary: Vocabulary): object {
  return {
    type: 'WordLevel',
    vocab: vocabulary.toJSON(),
    unk_token: UNK,
    continuing_subword_prefix: NO_PREFIX,
    // Longer words are unknown, and not worth its looking for their pieces.
    max_input_chars_per_word: longest(vocabulary.tokens),
  };
}

function longest(tokens: readonly string[]): number {
  return tokens.reduce((most, token) => Math.max(most, [...token].length), 0);
}
