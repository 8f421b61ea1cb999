// Functions of this package do with a checkpoint what the command does: results are compared with what it prints.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { RnnLanguageModel } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { exportWeights } from '../import/export-weights.js';
import { evaluate, exportBundle, generate, importModel, saveLanguageModel, score, UnrollError } from '../index.js';
import type { WorkProgress } from '../terminal/listener.js';
import { unrollHere } from '../testing/unroll-here.js';
import { smallModel, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
const checkpoint = at('checkpoint');

beforeAll(async () => {
  writeSmallCorpus(at('corpus'));
  const flags = ['--data', at('corpus'), '--out', checkpoint, ...smallModel, '--max-steps', '5'];
  expect(await unrollHere('train', ...flags)).toMatchObject({ status: 0 });
});
afterAll(() => root[Symbol.dispose]());

/** The object that the command prints. */
async function printed(...args: readonly string[]): Promise<unknown> {
  return JSON.parse((await unrollHere(...args, '--json')).stdout);
}

async function textOf(tokens: AsyncIterable<{ readonly text: string }>): Promise<string> {
  let text = '';
  for await (const token of tokens) text += token.text;
  return text;
}

test('evaluate returns what the command prints, and hands over lines and progress instead of printing', async () => {
  writeFileSync(at('other.txt'), 'the zebra sees the dog\n'.repeat(20));
  const lines: string[] = [];
  const progress: WorkProgress[] = [];
  const result = await evaluate({
    checkpoint,
    data: at('other.txt'),
    split: 'test',
    cache: { size: 20 },
    onNotice: (line) => lines.push(line),
    onProgress: (event) => progress.push(event),
  });
  const flags = ['--checkpoint', checkpoint, '--data', at('other.txt'), '--cache', '20'];
  expect(result).toEqual(await printed('eval', ...flags));
  expect(lines.join()).toContain('not in the vocabulary');
  expect(progress.at(-1)).toMatchObject({ label: 'checkpoint', unit: 'tokens' });
});

test('score and generate return what the command prints', async () => {
  const result = await score({ checkpoint, text: 'the dog sees zebras' });
  expect(result).toEqual(await printed('score', '--checkpoint', checkpoint, '--text', 'the dog sees zebras'));
  expect(result.unknown).toBe(1);
  const text = await textOf(generate({ checkpoint, prompt: 'the dog', maxTokens: 8, seed: 3, topK: 5 }));
  const flags = ['--prompt', 'the dog', '--tokens', '8', '--seed', '3', '--top-k', '5'];
  expect(await printed('generate', '--checkpoint', checkpoint, ...flags)).toMatchObject({ text });
});

test('a bundle that is exported in code scores as its checkpoint does', async () => {
  const { bundle } = await exportBundle({ checkpoint, out: at('bundle'), quantization: 'none' });
  const [ofBundle, ofCheckpoint] = await Promise.all([
    score({ bundle, text: 'the dog' }),
    score({ checkpoint, text: 'the dog' }),
  ]);
  expect(ofBundle.logProbability).toBeCloseTo(ofCheckpoint.logProbability, 4);
});

test('a model that is imported in code has the weights of its file', async () => {
  const file = at('model.safetensors');
  await exportWeights(checkpoint, file, '.safetensors');
  const { model } = JSON.parse(readFileSync(join(checkpoint, 'tokenizer.json'), 'utf8'));
  writeFileSync(at('vocab.json'), JSON.stringify(model.vocab));
  const imported = await importModel({ from: 'pytorch', file, vocab: at('vocab.json'), out: at('imported') });
  expect(imported).toMatchObject({ checkpoint: at('imported'), cell: 'lstm', unread: [] });
  expect((await readCheckpoint(at('imported'))).parameters['embedding.embeddings']).toEqual(
    (await readCheckpoint(checkpoint)).parameters['embedding.embeddings'],
  );
});

test('a language model of tensors that is saved scores as it does in memory', async () => {
  const tokenizer = trainTokenizer('char', 'abcab');
  const model = new RnnLanguageModel({ vocabSize: tokenizer.vocabSize, embeddingDim: 4, hiddenDim: 6, cell: 'gru' });
  await saveLanguageModel({ model, tokenizer, out: at('saved') });
  const ids = [...tokenizer.encode('abcab')];
  const tensor = (list: readonly number[]) => tf.tensor2d([...list], [1, list.length], 'int32');
  const loss = model.loss(tensor([tokenizer.eosId, ...ids.slice(0, -1)]), tensor(ids)).dataSync()[0]!;
  const { logProbability } = await score({ checkpoint: at('saved'), text: 'abcab' });
  expect(-logProbability / ids.length).toBeCloseTo(loss, 5);
  const other = trainTokenizer('char', 'xyz and more');
  await expect(saveLanguageModel({ model, tokenizer: other, out: at('saved') })).rejects.toThrow('tokenizer: has');
  await expect(saveLanguageModel({ model, tokenizer, out: at('corpus') })).rejects.toThrow('choose another out');
});

describe('an error is one line that names the option:', () => {
  const mistyped = { checkpoint, data: 'grammar', spilt: 'valid' };
  test.each<[string, () => Promise<unknown>, string]>([
    ['one that is missing', () => score({ checkpoint }), 'give text or ids'],
    ['one of two', () => score({ text: 'a' }), 'give a model: checkpoint or bundle'],
    ['one too many', () => score({ checkpoint, bundle: at('bundle'), text: 'a' }), 'checkpoint and bundle: leave one'],
    ['an id', () => score({ checkpoint, ids: [100_000] }), 'ids: 100000 is no token'],
    ['a number', () => textOf(generate({ checkpoint, prompt: '', topP: 2 })), 'generate.topP: '],
    ['a choice', () => textOf(generate({ checkpoint, prompt: '', beamWidth: 2, seed: 1 })), 'generate.seed: is for'],
    ['one that is mistyped', () => evaluate(mistyped), 'evaluate.spilt: is not a known setting'],
    ['one that is blank', () => evaluate({ checkpoint: ' ', data: 'grammar' }), 'evaluate.checkpoint: is blank'],
    [
      'one of another model',
      () => exportBundle({ checkpoint, out: at('corpus') }),
      "holds files that are no bundle's, and would be lost; choose another out",
    ],
    ['a folder', () => evaluate({ checkpoint: at('absent'), data: 'grammar' }), 'absent'],
  ])('%s', async (_, call, message) => {
    const error = await call().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnrollError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toMatch(/\n|--/);
  });
});

test('a signal ends the work with its reason', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(evaluate({ checkpoint, data: 'grammar', signal })).rejects.toBe(reason);
  await expect(textOf(generate({ checkpoint, prompt: 'the', signal }))).rejects.toBe(reason);
  await expect(exportBundle({ checkpoint, out: at('never'), signal })).rejects.toBe(reason);
});
