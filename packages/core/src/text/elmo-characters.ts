/**
 * Encodes sentences as ids of characters: the UTF-8 bytes of each word between marks of its beginning and end, padded.
 * The words `<S>` and `</S>` stand for the marks of a sentence. All this follows the published ELMo, except that no id is
 * reserved for masking; `lengths` does that. The ids go up to 260: `characters: 261`.
 */
const [sentenceBegin, sentenceEnd, wordBegin, wordEnd, padding] = [256, 257, 258, 259, 260];

const utf8 = new TextEncoder();

export interface SpelledSentences {
  /** int32 [batch, time, maxCharacters] */
  readonly characters: Int32Array;
  /** int32 [batch], in words, including the sentences' two marks */
  readonly lengths: Int32Array;
}

/**
 * Spells sentences. A mark of the beginning precedes each sentence and a mark of the end follows it, so that word k is
 * at position k + 1. A word with too many bytes is cut.
 * @param sentences the words of each sentence
 * @throws RangeError if `time` cannot hold a sentence and its two marks, or `maxCharacters` no letter between two marks
 */
export function elmoCharacters(
  sentences: readonly (readonly string[])[],
  { time, maxCharacters }: { readonly time: number; readonly maxCharacters: number },
): SpelledSentences {
  if (maxCharacters < 3) throw new RangeError(`maxCharacters must be at least 3, got ${maxCharacters}`);
  const characters = new Int32Array(sentences.length * time * maxCharacters).fill(padding);
  const lengths = new Int32Array(sentences.length);
  for (const [lane, sentence] of sentences.entries()) {
    lengths[lane] = sentence.length + 2;
    if (lengths[lane] > time) {
      throw new RangeError(
        `a sentence of ${sentence.length} words and its two marks do not fit into ${time}: "${sentence.join(' ')}"`,
      );
    }
    const spelled = [[sentenceBegin], ...sentence.map(lettersOf), [sentenceEnd]];
    for (const [position, letters] of spelled.entries()) {
      const word = [wordBegin, ...Array.from(letters).slice(0, maxCharacters - 2), wordEnd];
      characters.set(word, (lane * time + position) * maxCharacters);
    }
  }
  return { characters, lengths };
}

function lettersOf(word: string): ArrayLike<number> & Iterable<number> {
  if (word === '<S>') return [sentenceBegin];
  return word === '</S>' ? [sentenceEnd] : utf8.encode(word);
}
