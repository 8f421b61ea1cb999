// GPT-2's byte-level pre-tokenization: text is cut into words, and every byte of a word's UTF-8 becomes one printable
// character (Radford et al. 2019; `encoder.py` of openai/gpt-2). Hugging Face's library does this when it encodes;
// training needs the same words.

const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The character for each byte: printable Latin-1 stands for itself, the others are moved to U+0100 and up. */
export const BYTE_ALPHABET: readonly string[] = byteAlphabet();

const utf8 = new TextEncoder();

/** Cuts `text` into words, spelled in the byte alphabet; a space belongs to the word after it. */
export function byteLevelWords(text: string): string[] {
  return (text.match(WORDS) ?? []).map((word) => Array.from(utf8.encode(word), (byte) => BYTE_ALPHABET[byte]).join(''));
}

function byteAlphabet(): string[] {
  let moved = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : moved++));
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}
