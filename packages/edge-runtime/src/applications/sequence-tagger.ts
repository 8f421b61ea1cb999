/** Tags the words of sentences on the device, such as names in them, with a bundle of `unroll train --task tagging`. */
import { entitiesOf, tagWords } from '@unroll/core/decoding';
import { encodeWords, type Span, UNSPACED_CHARACTER, Vocabulary } from '@unroll/core/text';
import { checkTexts, wrongKind } from '../arguments.js';
import { invalidConfig } from '../bundle/checked-fields.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

/** A sentence with its tags. Each list has an item for each word. */
export interface Tagging {
  /** The sentence; for a list of words, these with blanks between. */
  readonly text: string;
  readonly words: readonly string[];
  /** The place of each word in the text. */
  readonly spans: readonly Span[];
  readonly tags: readonly string[];
  readonly entities: readonly TaggedEntity[];
}

/** Words that belong together: B-TYPE begins them, I-TYPE goes on. A word with another tag but O stands alone. */
export interface TaggedEntity {
  readonly type: string;
  readonly text: string;
  /** Its place in the text. */
  readonly span: Span;
  /** Its first word, and the one after its last. */
  readonly words: readonly [start: number, end: number];
}

export interface SequenceTagger extends AsyncDisposable {
  /** The tags that the model knows. */
  readonly tags: readonly string[];
  /**
   * Tags one sentence.
   * @param sentence a text, which is cut at white space and around punctuation, or its words, cut as those of the
   * training data
   * @throws RangeError if the text has no words, or a word is empty
   */
  tag(sentence: string | readonly string[]): Promise<Tagging>;
  dispose(): Promise<void>;
}

const schema = {
  model: { hiddenDim: 'count' },
  vocabulary: 'texts',
  tags: 'texts',
  crf: { transitions: 'numbers', start: 'numbers', stop: 'numbers' },
} as const;

/**
 * Loads the tagger whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using names = await loadSequenceTagger('./names/');
 * const { entities } = await names.tag('Ada Lovelace lived in London.'); // [{ type: 'PER', text: 'Ada Lovelace', … }, …]
 */
export async function loadSequenceTagger(
  address: string | URL,
  options: LoadApplicationOptions = {},
): Promise<SequenceTagger> {
  const application = await openApplication(address, 'tagging', schema, options);
  const { model, tags, crf, vocabulary: words } = application.config;
  for (const [name, size] of Object.entries({ transitions: tags.length ** 2, start: tags.length, stop: tags.length })) {
    const { length } = crf[name as keyof typeof crf];
    if (length !== size) throw invalidConfig(application.configFile, `'crf.${name}' has ${length} scores, not ${size}`);
  }
  const vocabulary = vocabularyOf(words, application.configFile);
  const steps = {
    hiddenDim: model.hiddenDim,
    step: (inputs: Parameters<typeof application.run>[1]) => application.run('step', inputs),
    output: (inputs: Parameters<typeof application.run>[1]) => application.run('output', inputs),
    crf: {
      transitions: Float32Array.from(crf.transitions),
      start: Float32Array.from(crf.start),
      stop: Float32Array.from(crf.stop),
    },
  };
  const dispose = () => application.dispose();
  return {
    tags,
    tag: async (sentence) => {
      const { text, spans } = typeof sentence === 'string' ? cutText(sentence) : joinedWords(sentence);
      const words = spans.map(([start, end]) => text.slice(start, end));
      const numbers = await tagWords(steps, encodeWords(vocabulary, words));
      const found = numbers.map((number) => tags[number]!);
      const entities = entitiesOf(found).map(({ type, start, end }): TaggedEntity => {
        const span = [spans[start]![0], spans[end - 1]![1]] as const;
        return { type, text: text.slice(...span), span, words: [start, end] };
      });
      return { text, words, spans, tags: found, entities };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function vocabularyOf(words: readonly string[], file: string): Vocabulary {
  try {
    return new Vocabulary(words);
  } catch (error) {
    throw invalidConfig(file, (error as Error).message);
  }
}

interface CutText {
  readonly text: string;
  readonly spans: readonly Span[];
}

/** Letters and digits, with apostrophes, hyphens, points and commas within; characters of unspaced scripts; marks. */
const wordPattern = new RegExp(
  `${UNSPACED_CHARACTER.source}|(?:(?!${UNSPACED_CHARACTER.source})[\\p{L}\\p{N}\\p{M}])+` +
    `(?:['’.,-](?!${UNSPACED_CHARACTER.source})[\\p{L}\\p{N}\\p{M}]+)*|\\S`,
  'gu',
);

function cutText(text: string): CutText {
  const spans = Array.from(text.matchAll(wordPattern), ({ 0: word, index }): Span => [index, index + word.length]);
  if (spans.length === 0) throw new RangeError('the text has no words; give at least one');
  return { text, spans };
}

function joinedWords(words: readonly string[]): CutText {
  if (!Array.isArray(words)) throw wrongKind('sentence', 'a string or a list of strings', words);
  checkTexts('sentence', words);
  if (words.length === 0) throw new RangeError('the sentence has no words; give at least one');
  let end = -1;
  const spans = words.map((word, place): Span => {
    if (word === '') throw new RangeError(`sentence[${place}] is empty; leave it out`);
    const start = end + 1;
    end = start + word.length;
    return [start, end];
  });
  return { text: words.join(' '), spans };
}
