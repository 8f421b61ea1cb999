// Writing systems without spaces between words.

/**
 * One character of a script that is written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
 */
export const UNSPACED_CHARACTER =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30FC]/u;
