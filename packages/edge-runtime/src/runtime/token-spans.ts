/** Where in a text its tokens stand, so that what is known of tokens can be shown in the text. */
import type { Tokenizer } from '@unroll/core/text';

/** A part of a string, in UTF-16 units: `text.slice(start, end)`. */
export type Span = readonly [start: number, end: number];

/**
 * The part of `text` that each of its tokens `ids` stands for; a byte-pair token that ends within a character has all of
 * it.
 */
export function tokenSpans(tokenizer: Pick<Tokenizer, 'kind' | 'token'>, text: string, ids: readonly number[]): Span[] {
  if (tokenizer.kind === 'word') return Array.from(text.matchAll(/\S+|\n/g), spanOf);
  if (tokenizer.kind === 'char') return Array.from(text.matchAll(/./gsu), spanOf);
  const places = characterOfEachByte(text);
  let byte = 0;
  return ids.map((id) => {
    const first = places[byte]!;
    byte += [...tokenizer.token(id)].length; // in a byte-level vocabulary, a character stands for each byte
    return [first[0], places[byte - 1]![1]];
  });
}

function spanOf({ 0: part, index }: RegExpExecArray): Span {
  return [index, index + part.length];
}

function characterOfEachByte(text: string): Span[] {
  const utf8 = new TextEncoder();
  return Array.from(text.matchAll(/./gsu)).flatMap((match) =>
    new Array<Span>(utf8.encode(match[0]).length).fill(spanOf(match)),
  );
}
