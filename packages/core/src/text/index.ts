// The public entry of @unroll/core/text: converts text to token ids and back.

export type { AddedToken } from './added-tokens.js';
export { byteLevelSpans } from './bpe-tokenizer.js';
export { requireBertWordPiece, requireByteLevelBpe } from './kinds-of-file.js';
export { loadTokenizer } from './loading.js';
export type { Span } from './spans.js';
export { splitPunctuation } from './split-punctuation.js';
export type { Tokenizer, TokenizerJson, TokenizerProgress } from './tokenizer.js';
export { type TokenizerTrainingOptions, tokenizerTraining, trainTokenizer } from './training.js';
export { UNSPACED_CHARACTER } from './unspaced.js';
export { Vocabulary, type VocabularyOptions } from './vocabulary.js';
export { encodeWords, spellings, vocabularyWord } from './words.js';
export { inByteAlphabet } from './world-tokenizer.js';
