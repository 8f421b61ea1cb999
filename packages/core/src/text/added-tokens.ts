// Added tokens of a `tokenizer.json`: Hugging Face's libraries cut them out of the text before anything else, wherever
// they occur.

import type { Span } from './spans.js';

/** An entry of `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A part of a text: an added token with its id, or the text between two of them. */
export interface Section {
  readonly span: Span;
  readonly id?: number;
}

/** The entry for a special token with this id and content, which is matched literally. */
export function specialToken(id: number, content: string): AddedToken {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

/**
 * Splits `text` into sections, in order; none is empty. If several added tokens begin at one place, the longest one
 * counts.
 */
export function sectionsOf(text: string, added: readonly Pick<AddedToken, 'id' | 'content'>[]): Section[] {
  if (added.length === 0) return text === '' ? [] : [{ span: [0, text.length] }];
  const contents = added.map(({ content }) => content).sort((a, b) => b.length - a.length);
  const ids = new Map(added.map(({ id, content }) => [content, id]));
  const sections: Section[] = [];
  let end = 0;
  for (const { 0: content, index } of text.matchAll(new RegExp(contents.map(escaped).join('|'), 'gu'))) {
    if (index > end) sections.push({ span: [end, index] });
    end = index + content.length;
    sections.push({ span: [index, end], id: ids.get(content)! });
  }
  if (end < text.length) sections.push({ span: [end, text.length] });
  return sections;
}

function escaped(content: string): string {
  return content.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
