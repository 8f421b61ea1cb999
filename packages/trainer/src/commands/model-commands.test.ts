// The output of eval, score, generate, export, data and doctor for one small checkpoint, in real processes.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  unroll,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const checkpoint = join(root.path, 'checkpoint');
const bundle = join(root.path, 'bundle');
const testLines = () => readFileSync(join(corpus, 'test.txt'), 'utf8').trimEnd().split('\n');

interface Score {
  tokens: string[];
  logProbability: number;
  tokenLogProbabilities: number[];
}
const score = async (...args: string[]) => (await unrollJson('score', ...args)) as unknown as Score;

let trained: Record<string, unknown>;
beforeAll(async () => {
  writeSmallCorpus(corpus);
  trained = await unrollJson('train', '--data', corpus, '--out', checkpoint, ...smallModel, '--epochs', '2');
});
afterAll(() => root[Symbol.dispose]());

test('launch prints the same as train', async () => {
  const out = join(root.path, 'launched');
  const flags = ['--data', corpus, '--out', out, ...smallModel, '--max-steps', '3'];
  const result = await unrollJson('launch', ...flags, '--workers', '2', '--servers', '2');
  expect(result).toMatchObject({ checkpoint: out, steps: 3, tokens: 240 });
  expect(Object.keys(result)).toEqual(Object.keys(trained));
});

test('train prints what it has made', () => {
  expect(trained).toMatchObject({ checkpoint, steps: 40 });
  expect(trained.validPerplexity).toBeLessThan(100);
});

describe('eval', () => {
  test('counts every token of the split once, line ends included', async () => {
    const result = await unrollJson('eval', '--checkpoint', checkpoint, '--data', corpus);
    const tokens = testLines().reduce((sum, line) => sum + line.split(' ').length + 1, 0);
    expect(result).toEqual({ split: 'test', tokens, loss: expect.any(Number), perplexity: expect.any(Number) });
    expect(result.perplexity).toBeCloseTo(Math.exp(result.loss as number), 9);
  });

  test('measures the validation perplexity that training reported', async () => {
    const { perplexity } = await unrollJson('eval', '--checkpoint', checkpoint, '--data', corpus, '--split', 'valid');
    expect(perplexity).toBeCloseTo(trained.validPerplexity as number, 3);
  });

  test('of the embedded corpus says what no model can beat', async () => {
    const result = await unrollJson('eval', '--checkpoint', checkpoint, '--data', 'grammar');
    expect(result.lowestPerplexity).toBeCloseTo(4.544, 3);
    expect(result.perplexity).toBeGreaterThan(result.lowestPerplexity as number);
  });
});

describe('score', () => {
  test('of the whole test text is its loss', async () => {
    const { loss, tokens } = await unrollJson('eval', '--checkpoint', checkpoint, '--data', corpus);
    const { logProbability } = await score('--checkpoint', checkpoint, '--text', `${testLines().join('\n')}\n`);
    expect(-logProbability / (tokens as number)).toBeCloseTo(loss as number, 5);
  });

  test('of ids is that of the text that they stand for', async () => {
    const byText = await score('--checkpoint', checkpoint, '--text', 'the dog sees zebras');
    const { model } = JSON.parse(readFileSync(join(checkpoint, 'tokenizer.json'), 'utf8'));
    const ids = ['the', 'dog', 'sees', '<unk>'].map((word) => model.vocab[word]);
    expect(byText.tokens).toEqual(['the', 'dog', 'sees', '<unk>']);
    expect(await score('--checkpoint', checkpoint, '--ids', ids.join(' '))).toEqual(byText);
    const sum = byText.tokenLogProbabilities.reduce((total, value) => total + value, 0);
    expect(byText.logProbability).toBeCloseTo(sum, 9);
  });

  test('refuses an id outside the vocabulary as wrong usage, with the range', async () => {
    const { status, stderr } = await unroll('score', '--checkpoint', checkpoint, '--ids', '3 100000');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^unroll: --ids: 100000 is no token; the vocabulary's ids run from 0 to \d+\n$/);
  });

  test('prints a table for people', async () => {
    const { stdout } = await unroll('score', '--checkpoint', checkpoint, '--text', 'the dog');
    expect(stdout).toMatch(/^token +probability\nthe +0\.\d+\ndog +0\.\d+\nlog-probability -\d+\.\d+ /);
  });
});

describe('generate', () => {
  const generate = (...args: string[]) => unrollJson('generate', '--prompt', 'the dog', '--max-tokens', '12', ...args);

  test('writes the same text for the same seed, and another for another', async () => {
    const texts = [];
    for (const seed of ['1', '1', '2']) texts.push((await generate('--checkpoint', checkpoint, '--seed', seed)).text);
    expect(texts[1]).toBe(texts[0]);
    expect(texts[2]).not.toBe(texts[0]);
  });

  test('streams the prompt and the text to stdout, and the rate to stderr', async () => {
    const { text } = await generate('--checkpoint', checkpoint);
    const { stdout, stderr } = await unroll(
      ...['generate', '--checkpoint', checkpoint, '--prompt', 'the dog', '--max-tokens', '12'],
    );
    expect(stdout).toBe(`the dog${text}\n`);
    expect(stderr).toMatch(/^12 tokens, \d+ tokens\/s\n$/);
  });

  test('finds by beam search a text at least as probable as the greedy one', async () => {
    const greedy = await generate('--checkpoint', checkpoint, '--temperature', '0');
    const beam = await generate('--checkpoint', checkpoint, '--beam-width', '4');
    const [greedyScore, beamScore] = [
      await score('--checkpoint', checkpoint, '--text', `the dog${greedy.text}`),
      await score('--checkpoint', checkpoint, '--text', `the dog${beam.text}`),
    ];
    expect(beamScore.logProbability).toBeGreaterThanOrEqual(greedyScore.logProbability);
  });

  test('ends on Ctrl-C with what it has written', async () => {
    const { child, outcome } = startUnroll(
      ...['generate', '--checkpoint', checkpoint, '--prompt', 'the dog', '--max-tokens', '100000000'],
    );
    child.stdout!.once('data', () => setTimeout(() => child.kill('SIGINT'), 300));
    const { status, stdout, stderr } = await outcome;
    expect(status).toBe(0);
    expect(stdout.endsWith('\n')).toBe(true);
    expect(stderr).toMatch(/^\d+ tokens, \d+ tokens\/s\n$/);
  });
});

describe('export', () => {
  test('without quantization makes a bundle that scores as the checkpoint does', async () => {
    const result = await unrollJson('export', '--checkpoint', checkpoint, '--out', bundle, '--quantization', 'none');
    const files = ['manifest.json', 'model.onnx', 'tokenizer.json.z'];
    expect(readdirSync(bundle).toSorted()).toEqual(files);
    const bytes = files.reduce((sum, file) => sum + readFileSync(join(bundle, file)).length, 0);
    expect(result).toMatchObject({ bundle, quantization: 'none', target: 'wasm' });
    const { bytes: measuredBytes, float32Bytes } = result.measured as Record<string, number>;
    expect(measuredBytes).toBe(float32Bytes);
    expect(bytes).toBeGreaterThan(measuredBytes!); // by the measured size, which is in the manifest
    const text = ['--text', 'the dog sees anna'];
    const { logProbability } = await score('--checkpoint', checkpoint, ...text);
    expect((await score('--bundle', bundle, ...text)).logProbability).toBeCloseTo(logProbability, 4);
    const prompt = ['--prompt', 'the dog', '--max-tokens', '12'];
    const { text: written } = await unrollJson('generate', '--checkpoint', checkpoint, ...prompt);
    expect((await unrollJson('generate', '--bundle', bundle, ...prompt)).text).toBe(written);
  });

  test.each([
    ['auto', 1.03],
    ['int8', 1.005],
    ['mixed', 1.03],
    ['int4', 1.03],
  ] as const)('with %s replaces an older bundle and records the measured perplexity', async (scheme, bar) => {
    const flags = ['--checkpoint', checkpoint, '--out', bundle, '--quantization', scheme, '--data', corpus];
    const result = await unrollJson('export', ...flags, '--split', 'valid');
    const measured = result.measured as Record<string, number>;
    expect(measured.float32Perplexity).toBeCloseTo(trained.validPerplexity as number, 3);
    expect(measured.perplexity! / measured.float32Perplexity!).toBeLessThan(bar);
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ quantization: scheme, measured });
  });

  test('does not replace a folder that holds anything but a bundle', async () => {
    const site = join(root.path, 'site');
    mkdirSync(site);
    for (const name of ['manifest.json', 'index.html']) writeFileSync(join(site, name), '{}');
    const { status, stderr } = await unroll('export', '--checkpoint', checkpoint, '--out', site);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^unroll: [^\n]*site: holds files that are no bundle's[^\n]*\n$/);
    expect(readdirSync(site)).toEqual(['index.html', 'manifest.json']);
  });
});

describe('data', () => {
  test('fetch leaves a corpus alone that is there already', async () => {
    const folder = writeSmallCorpus(join(root.path, 'fetched', 'ptb'));
    const result = await unrollJson('data', 'fetch', 'ptb', '--out', join(root.path, 'fetched'));
    expect(result).toEqual({ corpus: 'ptb', folder });
  });

  test('show says what a corpus holds', async () => {
    const result = await unrollJson('data', 'show', corpus);
    expect(result).toMatchObject({
      corpus: 'corpus',
      train: { files: [join(corpus, 'train.txt')], unknown: 0 },
      test: { files: [join(corpus, 'test.txt')], bytes: readFileSync(join(corpus, 'test.txt')).length },
    });
  });

  test('grammar writes the embedded corpus, which trains and evaluates like its name', async () => {
    const folder = join(root.path, 'grammar');
    const result = await unrollJson('data', 'grammar', '--out', folder);
    expect(result.lowestPerplexity).toBeCloseTo(4.5317, 4);
    const byName = await unrollJson('eval', '--checkpoint', checkpoint, '--data', 'grammar');
    const byFolder = await unrollJson('eval', '--checkpoint', checkpoint, '--data', folder);
    expect(byFolder.loss).toBe(byName.loss);
    expect(byName.lowestPerplexity).toBe(result.lowestTestPerplexity);
  });
});

test('doctor finds what this very test runs on', async () => {
  const { checks } = (await unrollJson('doctor')) as unknown as { checks: { name: string; status: string }[] };
  expect(checks.find(({ name }) => name === 'Node.js')).toMatchObject({ status: 'ok', detail: expect.any(String) });
  expect(checks.find(({ name }) => name === 'onnxruntime-node')).toMatchObject({ status: 'ok' });
  for (const check of checks.filter(({ status }) => status !== 'ok')) expect(check).toHaveProperty('remedy');
});
