// Finds places where a text without a line break nearby may be cut into pieces that are encoded one by one.

/**
 * Returns where to cut `text`, in (0, atMost]. The cut is before white space, which begins a new word for every
 * tokenizer. If a word fills the whole text, the cut is between two characters.
 */
export function cutBefore(text: string, atMost: number): number {
  for (let at = atMost; at > 0; at--) if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  return betweenCharacters(text, atMost);
}

/** Returns the first index above 0, at `from` or after, where white space begins; undefined if there is none. */
export function spaceAfter(text: string, from: number): number | undefined {
  for (let at = Math.max(from, 1); at < text.length; at++) if (isSpace(text, at) && !isSpace(text, at - 1)) return at;
  return undefined;
}

/** Returns `at`, or the index before it if `at` is inside a surrogate pair. */
export function betweenCharacters(text: string, at: number): number {
  const isLowSurrogate = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  return isLowSurrogate && at > 1 ? at - 1 : at;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code <= 0x20 || (code >= 0x80 && /\s/.test(text[at]!));
}
