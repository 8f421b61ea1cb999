import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSequenceTagger } from '@unroll/edge-runtime';
import { afterAll, describe, expect, test } from 'vitest';
import { example } from '../../testing/example-program.js';
import { temporaryFolder, unroll, unrollJson } from '../../testing/unroll-process.js';
import { entityScores } from './entity-scores.js';
import { parseSentences, readSentences } from './sentences.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

test('a tagger learns the rules of the sample, is measured, exported, and tags on a device as it was measured', async () => {
  const sizes = ['--embedding-dim', '32', '--hidden-dim', '32', '--learning-rate', '0.01', '--epochs', '8'];
  const train = ['train', '--task', 'tagging', '--data', 'sample', '--threads', '1', ...sizes];
  const trained = await unrollJson(...train, '--out', at('run'));
  expect(trained).toMatchObject({ task: 'tagging', metric: 'f1' });
  const { metrics } = await unrollJson('eval', '--checkpoint', at('run'), '--data', 'sample');
  // Every tag follows from its sentence: all can be right.
  expect((metrics as { f1: number }).f1).toBeGreaterThan(0.99);
  await unrollJson('export', '--checkpoint', at('run'), '--out', at('bundle'), '--quantization', 'none');

  await using tagger = await loadSequenceTagger(at('bundle'));
  const results: { actual: readonly string[]; predicted: readonly string[] }[] = [];
  for (const { words, tags: actual } of readSentences('sample', 'test').sentences) {
    results.push({ actual, predicted: (await tagger.tag(words)).tags });
  }
  expect(entityScores(results)).toEqual(metrics);
  // No word of an entity goes on with nothing: the transitions say so.
  for (const { predicted } of results) {
    const goesOn = (tag: string, before = 'O') => !tag.startsWith('I-') || before.slice(1) === tag.slice(1);
    expect(predicted.every((tag, k) => goesOn(tag, predicted[k - 1]))).toBe(true);
  }
  const sentence = 'He met Mr Jordan Kalor and they live near Jordan.';
  const { entities } = await tagger.tag(sentence);
  expect(entities.map(({ type, text }) => [type, text])).toEqual([
    ['PER', 'Jordan Kalor'],
    ['LOC', 'Jordan'],
  ]);
  const printed = await example('tagging/entities.mjs', at('bundle'), sentence);
  expect(printed).toBe('PER: Jordan Kalor (10 to 22)\nLOC: Jordan (42 to 48)\n');
});

describe('sentences', () => {
  const parsed = (text: string) => parseSentences(text, 'train.txt');
  const both = [
    { words: ['EU', 'rejects'], tags: ['B-ORG', 'O'] },
    { words: ['Peter'], tags: ['B-PER'] },
  ];

  test.each([
    ['blanks', 'EU B-ORG\nrejects O\n\nPeter B-PER\n'],
    ['tabs, and no end of the last line', 'EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER'],
    ['blanks around, and several empty lines', '\n\n EU  B-ORG \nrejects \t O\n \n\t\nPeter B-PER\n\n\n'],
    ['lines of Windows', 'EU B-ORG\r\nrejects O\r\n\r\nPeter B-PER\r\n'],
    ['lines of documents', '-DOCSTART- O\n\nEU B-ORG\nrejects O\n-DOCSTART- -X- O O\nPeter B-PER\n'],
  ])('with %s are read', (_, text) => {
    expect(parsed(text)).toEqual({ sentences: both, notices: [] });
  });

  test('have their tag in the last column; a line says that others are not used', () => {
    const { sentences, notices } = parsed('EU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n');
    expect(sentences).toEqual(both);
    expect(notices).toEqual(['train.txt: the first and the last of 4 columns are read; 2 between them are not used']);
  });

  test.each([
    ['EU B-ORG\nrejects\n', 'train.txt:2: has no tag; give a word and its tag, with a blank or a tab between them'],
    ['EU B-ORG\nNew York B-LOC', 'train.txt:2: has 3 columns, line 1 has 2; give every line as many'],
    ['\n \n-DOCSTART- O\n', 'train.txt: has no sentences; give a word and its tag on each line'],
    [
      'word O\n'.repeat(513),
      'train.txt:513: is word 513 of its sentence; end sentences of at most 512 words with a blank line',
    ],
  ])('%# that are wrong are refused in one line', (text, message) => {
    expect(() => parsed(text)).toThrow(message);
  });

  test('are read from a folder, with or without a byte-order mark, in UTF-8 only', () => {
    mkdirSync(at('data'));
    writeFileSync(join(at('data'), 'train.txt'), '\uFEFFZürich B-LOC\n');
    expect(readSentences(at('data'), 'train').sentences).toEqual([{ words: ['Zürich'], tags: ['B-LOC'] }]);
    writeFileSync(join(at('data'), 'test.txt'), Buffer.from('Zürich B-LOC\n', 'latin1'));
    expect(() => readSentences(at('data'), 'test')).toThrow(/test\.txt: cannot be read as UTF-8 text/);
    expect(() => readSentences(at('data'), 'valid')).toThrow(/data: has no valid\.txt; give the valid part in it/);
    expect(() => readSentences(at('nowhere'), 'valid')).toThrow(/nowhere: no such folder; give one with train\.txt/);
  });
});

test('a training says what it does not use of its files, and which tags look wrong', async () => {
  mkdirSync(at('odd'));
  writeFileSync(join(at('odd'), 'train.txt'), 'in IN O\nRome NNP B-LOC\n\nRome NNP LOC\n');
  writeFileSync(join(at('odd'), 'valid.txt'), 'in O\nRome B-CITY\n');
  const sizes = ['--embedding-dim', '2', '--hidden-dim', '2', '--max-steps', '1'];
  const { status, stderr } = await unroll(
    'train',
    '--task',
    'tagging',
    '--data',
    at('odd'),
    ...sizes,
    '--out',
    at('x'),
  );
  expect(status).toBe(0);
  expect(stderr).toContain('train.txt: the first and the last of 3 columns are read; 1 between them are not used');
  expect(stderr).toContain("the tag 'LOC' has no B- or I- as 'B-LOC' has; each of its words counts as an entity");
  expect(stderr).toContain("valid: the tag 'B-CITY' does not occur in training; its words count as wrong");
});

describe('the scores of entities', () => {
  test('are those of conlleval, whichever notation', () => {
    // A random corpus, and the figures of a port of conlleval for it.
    const actual = `I-PER I-LOC I-LOC / I-LOC O O I-PER O I-LOC I-PER / B-LOC / B-LOC O I-PER B-LOC O I-PER O / O B-LOC /
      B-LOC B-LOC I-PER I-PER I-PER I-LOC / I-PER / I-PER B-LOC O B-PER I-PER B-LOC I-LOC`;
    const predicted = `B-PER I-LOC I-PER / I-LOC O O I-PER I-PER B-PER I-PER / B-LOC / I-PER O I-PER B-LOC B-PER I-PER I-PER /
      I-LOC B-LOC / O B-LOC I-PER I-LOC I-PER I-LOC / I-PER / I-PER B-LOC O B-PER I-PER B-PER I-LOC`;
    const sentences = (text: string) => text.split('/').map((sentence) => sentence.trim().split(/\s+/));
    const found = sentences(predicted);
    const scores = entityScores(sentences(actual).map((tags, k) => ({ actual: tags, predicted: found[k]! })));
    expect(scores.accuracy).toBeCloseTo(0.6764705882352942, 12);
    expect(scores.precision).toBe(12 / 24);
    expect(scores.recall).toBe(12 / 21);
    expect(scores.f1).toBeCloseTo(0.5333333333333333, 12);
  });

  test('are zero without entities', () => {
    expect(entityScores([{ actual: ['O'], predicted: ['O'] }])).toEqual({
      accuracy: 1,
      precision: 0,
      recall: 0,
      f1: 0,
    });
  });
});
