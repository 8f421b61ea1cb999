// Finds the places of tokens in a text, so that information about tokens can be shown in the text.

/** A part of a string, in UTF-16 units: `text.slice(start, end)`. */
export type Span = readonly [start: number, end: number];

const utf8 = new TextEncoder();

/**
 * Finds the part of `text` that each of its tokens stands for. The tokens, of `sizes` bytes of UTF-8, follow one
 * another and make up the whole text. A token that ends within a character gets the whole character.
 */
export function spansOfBytes(text: string, sizes: readonly number[]): Span[] {
  const places = characterOfEachByte(text);
  let byte = 0;
  return sizes.map((size) => {
    const first = places[byte]!;
    byte += size;
    return [first[0], places[byte - 1]![1]];
  });
}

/** The spans of the characters (code points) of a text that begins at `start`. */
export function characterSpans(text: string, start = 0): Span[] {
  let end = start;
  return Array.from(text, (character) => {
    const begin = end;
    end += character.length;
    return [begin, end];
  });
}

function characterOfEachByte(text: string): Span[] {
  return characterSpans(text).flatMap((span) => new Array<Span>(utf8.encode(text.slice(...span)).length).fill(span));
}
