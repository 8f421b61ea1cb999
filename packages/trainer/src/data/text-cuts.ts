// Where a text may be cut into pieces that are encoded one by one, if it has no line break at hand.

/**
 * Where to cut `text` at `atMost` or before, above 0: before white space, which begins a new word for every tokenizer; in a word
 * longer than the text, between two characters.
 */
export function cutBefore(text: string, atMost: number): number {
  for (let at = atMost; at > 0; at--) if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  return betweenCharacters(text, atMost);
}

/** The first place at `from` or after, above 0, where white space begins; undefined if there is none. */
export function spaceAfter(text: string, from: number): number | undefined {
  for (let at = Math.max(from, 1); at < text.length; at++) if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  return undefined;
}

/** `at`, or the place before if `at` is within a surrogate pair. */
export function betweenCharacters(text: string, at: number): number {
  const isLowSurrogate = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  return isLowSurrogate && at > 1 ? at - 1 : at;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code <= 0x20 || (code >= 0x80 && /\s/.test(text[at]!));
}
