import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTextClassifier, loadTranslator } from '@unroll/edge-runtime';
import { afterAll, describe, expect, test } from 'vitest';
import { replaceChecksummedFolder } from '../checkpoint/checksums.js';
import { example } from '../testing/example-program.js';
import { temporaryFolder, unroll, unrollJson } from '../testing/unroll-process.js';
import { taskNames } from './task-names.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

const small: Readonly<Record<string, readonly string[]>> = {
  sentiment: [
    '--embedding-dim',
    '16',
    '--hidden-dim',
    '16',
    '--batch-size',
    '20',
    '--learning-rate',
    '0.01',
    '--epochs',
    '6',
  ],
  translation: [
    '--embedding-dim',
    '24',
    '--hidden-dim',
    '24',
    '--dropout',
    '0',
    '--batch-size',
    '32',
    '--learning-rate',
    '0.01',
  ],
};
const sample = (task: string) => ['--task', task, '--data', 'sample', '--threads', '1', ...small[task]!];

function parametersOf(checkpoint: string): Buffer {
  return readFileSync(join(at(checkpoint), 'optimizer.safetensors'));
}

/** Gives a checkpoint's state the form of version 0.1. */
async function makeOlder(folder: string): Promise<void> {
  const names = ['config.json', 'model.safetensors', 'training-state.json', 'optimizer.safetensors'];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
  const { training, ...state } = JSON.parse(files['training-state.json']!.toString());
  const { schedule, ...settings } = training;
  expect(schedule).toEqual({ name: 'step', constantEpochs: 1, decay: 1 });
  const older = JSON.stringify({ ...state, settings: { ...settings, decay: schedule.decay } });
  await replaceChecksummedFolder(folder, { ...files, 'training-state.json': older });
}

test.each(taskNames)('a document says how to train, measure, export and run --task %s', (task) => {
  const sections = readFileSync('docs/applications.md', 'utf8').split(/^## /m);
  const steps = [`unroll train --task ${task} --data `, '\nunroll eval ', '\nunroll export ', '(bundle)`'];
  expect(sections.some((text) => steps.every((step) => text.includes(step)))).toBe(true);
});

describe('a classifier of reviews', () => {
  test('learns the sample, is measured, exported and classifies on a device as it did in training', async () => {
    const trained = await unrollJson('train', ...sample('sentiment'), '--out', at('sentiment'));
    expect(trained).toMatchObject({ task: 'sentiment', metric: 'accuracy' });
    const { metrics } = await unrollJson('eval', '--checkpoint', at('sentiment'), '--data', 'sample');
    expect((metrics as { accuracy: number }).accuracy).toBeGreaterThan(0.8);
    for (const quantization of ['none', 'int8']) {
      const bundle = at(`bundle-${quantization}`);
      await unrollJson('export', '--checkpoint', at('sentiment'), '--out', bundle, '--quantization', quantization);
      await using classifier = await loadTextClassifier(bundle);
      expect((await classifier.classify('The story is LOVELY.')).label).toBe('positive');
      expect((await classifier.classify('the acting was awful .')).label).toBe('negative');
    }
    const texts = ['The story is LOVELY.', 'the acting was awful .'];
    expect(await example('sentiment/classify.mjs', at('bundle-int8'), ...texts)).toMatch(
      /^positive \(\d+\.\d %\): The story is LOVELY\.\nnegative \(\d+\.\d %\): the acting was awful \.\n$/,
    );
  });

  test('trained in two parts gives the same bits as in one, also from a checkpoint of an older version', async () => {
    await unrollJson('train', ...sample('sentiment'), '--max-steps', '30', '--out', at('whole'));
    await unrollJson('train', ...sample('sentiment'), '--max-steps', '17', '--out', at('parts'));
    await makeOlder(at('parts'));
    await unrollJson('train', ...sample('sentiment'), '--max-steps', '30', '--out', at('parts'), '--resume');
    expect(parametersOf('parts').equals(parametersOf('whole'))).toBe(true);
  });
});

describe('a translator', () => {
  test('learns from the sample, is measured by BLEU, exported and translates on a device', async () => {
    await unrollJson('train', ...sample('translation'), '--epochs', '8', '--out', at('translation'));
    const { metrics } = await unrollJson('eval', '--checkpoint', at('translation'), '--data', 'sample');
    const { bleu, perplexity } = metrics as { bleu: number; perplexity: number };
    expect(bleu).toBeGreaterThan(2);
    expect(perplexity).toBeLessThan(6); // a model of the words alone, without the source, reaches 17
    await unrollJson('export', '--checkpoint', at('translation'), '--out', at('translator'));
    await using translator = await loadTranslator(at('translator'));
    const translation = await translator.translate('the dog  sees the cat .');
    expect(translation).toMatch(/^\w+ .* \.$/);
    const printed = await example('translation/translate.mjs', at('translator'), 'the dog sees the cat .');
    expect(printed).toBe(`${translation}\n`);
  });
});

describe('wrong usage of applications gives one line:', () => {
  test.each([
    [
      'an unknown task',
      ['train', '--task', 'poetry', '--data', 'x', '--out', at('x')],
      2,
      'Allowed choices are sentiment',
    ],
    [
      'a flag of language models',
      ['train', '--task', 'sentiment', '--data', 'sample', '--out', at('x'), '--cell', 'gru'],
      2,
      '--cell: is for language models; leave it out with --task sentiment',
    ],
    [
      'a size that the model lacks',
      ['train', '--task', 'sentiment', '--data', 'sample', '--out', at('x'), '--layers', '2'],
      2,
      '--layers: --task sentiment has no such size',
    ],
    [
      'reviews that are not there',
      ['train', '--task', 'sentiment', '--data', at('nowhere'), '--out', at('x')],
      1,
      'no such folder; give one with a .neg and a .pos file',
    ],
    [
      'languages that are not named',
      ['train', '--task', 'translation', '--data', root.path, '--out', at('x')],
      1,
      'its name does not end with two languages',
    ],
  ] as const)('%s', async (_, args, status, message) => {
    const outcome = await unroll(...args);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
  });

  test('parallel files of unequal lengths, and an empty line', async () => {
    const folder = at('pairs-en-de');
    mkdirSync(folder);
    for (const part of ['train', 'val', 'test']) {
      writeFileSync(join(folder, `${part}.en`), 'a\nb\n');
      writeFileSync(join(folder, `${part}.de`), 'c\n');
    }
    const train = ['train', '--task', 'translation', '--data', folder, '--out', at('x')];
    expect((await unroll(...train)).stderr).toContain(`train.de: has 1 lines, ${join(folder, 'train.en')} 2`);
    writeFileSync(join(folder, 'train.de'), 'c\n\n');
    expect((await unroll(...train)).stderr).toContain('train.de:2: is empty; each line is a sentence');
  });

  test('a checkpoint of another task, and one that was edited', async () => {
    await unrollJson('train', ...sample('sentiment'), '--max-steps', '1', '--out', at('edited'));
    const other = await unroll('train', ...sample('translation'), '--out', at('edited'), '--resume');
    expect(other.stderr).toContain("is a checkpoint of 'sentiment', not of 'translation'; choose another folder");
    const generated = await unroll('generate', '--checkpoint', at('edited'), '--prompt', 'a');
    expect(generated.stderr).toContain("edited: is a checkpoint of 'sentiment', not of a language model; name another");
    cpSync(at('edited'), at('damaged'), { recursive: true });
    writeFileSync(join(at('damaged'), 'config.json'), '{}');
    const damaged = await unroll('eval', '--checkpoint', at('damaged'), '--data', 'sample');
    expect(damaged).toMatchObject({ status: 1 });
    expect(damaged.stderr).toContain('config.json: its checksum is not the one recorded');
  });
});

const data = process.env.UNROLL_DATA ?? '../shared/data';
const reviews = join(data, 'rt-polarity');

test.skipIf(!existsSync(reviews))(`the published reviews are read whole (skipped without ${reviews})`, async () => {
  const train = [
    '--task',
    'sentiment',
    '--data',
    reviews,
    '--max-steps',
    '1',
    '--embedding-dim',
    '4',
    '--hidden-dim',
    '4',
  ];
  const { status, stderr } = await unroll('train', ...train, '--out', at('reviews'));
  expect(status).toBe(0);
  expect(stderr).toContain('8528 training examples, 1066 for validation');
});
