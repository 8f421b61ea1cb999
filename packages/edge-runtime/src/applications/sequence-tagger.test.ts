import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BundleError } from '../errors.js';
import { sampleBundleOf } from '../testing/sample-applications.js';
import { loadSequenceTagger, type SequenceTagger } from './sequence-tagger.js';

let folder: string;
let tagger: SequenceTagger;

/** Writes the sample's bundle with another configuration. */
async function writeBundle(changes: object = {}): Promise<void> {
  for (const [name, bytes] of await sampleBundleOf('tagging', changes)) await writeFile(join(folder, name), bytes);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-tagger-'));
  await writeBundle();
  tagger = await loadSequenceTagger(folder);
});
afterAll(async () => {
  await tagger.dispose();
  await rm(folder, { recursive: true });
});

const wordsOf = async (text: string) => (await tagger.tag(text)).words.join('|');

describe('a sequence tagger', () => {
  test.each([
    ['The wheel turns.', 'The|wheel|turns|.'],
    ["Don't (they) pay 3,500.50?!", "Don't|(|they|)|pay|3,500.50|?|!"],
    ['  U.S.–made\tco-op ', 'U.S|.|–|made|co-op'],
    ['住在Berlin。', '住|在|Berlin|。'],
  ])('cuts %j into %s', async (text, expected) => {
    expect(await wordsOf(text)).toBe(expected);
  });

  test('tags a text as it tags its words, and says where words and entities stand', async () => {
    const text = 'The  mill, the wheel of the river runs Past 30 mills';
    const tagging = await tagger.tag(text);
    expect(tagging.spans.map((span) => text.slice(...span))).toEqual(tagging.words);
    expect(tagging.entities.length).toBeGreaterThan(0);
    for (const entity of tagging.entities) {
      const [start, end] = entity.words;
      expect(text.slice(...entity.span)).toBe(entity.text);
      expect(entity.text.replace(/\s+/g, ' ').startsWith(tagging.words[start]!)).toBe(true);
      expect(tagging.tags[start]!.slice(2)).toBe(entity.type);
      expect(tagging.tags.slice(start + 1, end).every((tag) => tag === `I-${entity.type}`)).toBe(true);
    }
    const ofWords = await tagger.tag(tagging.words);
    expect(ofWords.text).toBe(tagging.words.join(' '));
    expect(ofWords.spans.map((span) => ofWords.text.slice(...span))).toEqual(tagging.words);
    expect(ofWords.tags).toEqual(tagging.tags);
    expect(ofWords.entities.map(({ words }) => words)).toEqual(tagging.entities.map(({ words }) => words));
  });

  test.each<[unknown, string]>([
    ['', 'RangeError: the text has no words; give at least one'],
    [' \n', 'RangeError: the text has no words; give at least one'],
    [[], 'RangeError: the sentence has no words; give at least one'],
    [['a', ''], 'RangeError: sentence[1] is empty; leave it out'],
    [['a', 1], 'TypeError: sentence[1]: must be a string, is a number'],
    [undefined, 'TypeError: sentence: must be a string or a list of strings, is undefined'],
  ])('refuses %j', async (sentence, message) => {
    await expect(tagger.tag(sentence as string)).rejects.toSatisfy((error) => String(error) === message);
  });

  test.each([
    [{ crf: { transitions: [1], start: [0, 0, 0, 0], stop: [0, 0, 0, 0] } }, "'crf.transitions' has 1 scores, not 16"],
    [{ crf: { transitions: [1], start: [0, null], stop: [] } }, "'crf.start' is not a list of numbers"],
    [{ crf: undefined }, "'crf' is not an object"],
    [{ model: { hiddenDim: 'wide' } }, "'model.hiddenDim' is not a positive integer"],
    [{ tags: ['O', 3] }, "'tags' is not a list of strings"],
    [{ vocabulary: ['<unk>', 'the', 'the'] }, 'vocabulary: token "the" has two ids, 1 and 2; remove one'],
  ])('refuses a bundle whose configuration has %j', async (changes, message) => {
    await writeBundle(changes);
    const error = (await loadSequenceTagger(folder).catch((error: unknown) => error)) as BundleError;
    expect(error.code).toBe('manifest-invalid');
    expect(error.message).toMatch(/^.*config\.json\.z: .*; export the bundle again$/);
    expect(error.message).toContain(message);
  });
});
