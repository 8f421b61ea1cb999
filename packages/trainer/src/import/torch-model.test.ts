// State_dicts with other names and shapes than in the files of import-model.test.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { initialParameters, languageModelConfig } from '@unroll/core';
import { expect, test } from 'vitest';
import { committedFiles } from '../testing/foreign-models/files.js';
import type { NamedArrays } from './named-arrays.js';
import { decodeTorchFile } from './torch-file.js';
import { modelFromTorch } from './torch-model.js';
import { torchTensors } from './torch-weights.js';

const read = (file: string) => decodeTorchFile(new Uint8Array(readFileSync(join(committedFiles, file))), file).tensors;
const renamed = (tensors: NamedArrays, rename: (name: string) => string): NamedArrays =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

/** Two layers: embedding, rnn, fc. */
const stack = read('lstm.pt');
const model = modelFromTorch(stack, {}, 'lstm.pt');

test.each([
  ['of DataParallel', (name: string) => `module.${name}`],
  ['of torch.compile', (name: string) => `_orig_mod.${name}`],
  ['in a larger module', (name: string) => `model.lm.${name}`],
  ['with a module for each layer', (name: string) => name.replace(/^rnn\.(.*)_l([01])$/, 'rnns.$2.$1_l0')],
  ['with layers of two digits', (name: string) => name.replace(/^rnn\.(.*)_l([01])$/, 'rnns.1$2.$1_l0')],
])('names %s are recognised', (_, rename) => {
  expect(modelFromTorch(renamed(stack, rename), {}, 'x.pt')).toEqual(model);
});

test('numbered modules run in the order of their numbers, not of their letters', () => {
  const number = { 0: '2', 1: '10' } as Record<string, string>;
  const tensors = renamed(stack, (name) =>
    name.replace(/^rnn\.(.*)_l([01])$/, (_, kind, layer) => `rnns.${number[layer]}.${kind}_l0`),
  );
  const byName = new Map([...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  expect(modelFromTorch(byName, {}, 'x.pt')).toEqual(model);
});

test("fastai's names are recognised, with its second copy of the embedding", () => {
  const names: Record<string, string> = { encoder: '0.encoder', decoder: '1.decoder', rnns: '0.rnns' };
  const tensors = read('awd.pt');
  const fastai = renamed(tensors, (name) => name.replace(/^\w+/, (module) => names[module]!));
  const copied = new Map([...fastai, ['0.encoder_dp.emb.weight', tensors.get('encoder.weight')!]]);
  expect(modelFromTorch(copied, {}, 'x.pt')).toEqual(modelFromTorch(tensors, {}, 'awd.pt'));
});

test('an output without weights has those of the embedding, as in safetensors, which keeps shared tensors once', () => {
  const tied = read('tied.pt');
  const once = new Map([...tied].filter(([name]) => name !== 'decoder.weight'));
  const { assumptions, ...model } = modelFromTorch(once, {}, 'x.pt');
  expect(modelFromTorch(tied, {}, 'tied.pt')).toEqual({ ...model, assumptions: [] });
  expect(assumptions).toEqual([expect.stringContaining("the output's weights, which the file does not hold")]);
});

test.each([
  ['fc.weight', [11, 5], "tensor 'fc.weight' of the output is [11, 5], expected [12, 5]"],
  ['fc.bias', [13], "tensor 'fc.bias' of the output is [13], expected [12]"],
  ['rnn.weight_hh_l1', [20, 4], "tensor 'rnn.weight_hh_l1' of recurrent layer 1 is [20, 4], expected [20, 5]"],
  ['rnn.weight_hh_l0', [21, 5], "tensor 'rnn.weight_hh_l0' of recurrent layer 0 is [21, 5]"],
  ['embedding.weight', [12], "tensor 'embedding.weight' of the embedding is [12], expected a matrix"],
])('%s of shape %j is refused with its layer and both shapes', (name, shape, message) => {
  const values = new Float32Array(shape.reduce((a, b) => a * b));
  expect(() => modelFromTorch(new Map([...stack, [name, { shape, values }]]), {}, 'x.pt')).toThrow(message);
});

test.each([
  [
    'weight_g and weight_v',
    'rnn.weight_hh_l0',
    ['_g', '_v'],
    /'rnn\.weight_hh_l0_g' is of a normalized weight; .*remove_weight_norm/,
  ],
  [
    'parametrizations',
    'rnn.weight_hh_l0',
    ['.original', '.0.base'],
    /weight_hh_l0\.original' is of a parametrized weight; .*parametrize\.remove_parametrizations/,
  ],
  ['a mask', 'fc.weight', ['_mask', '_orig'], /'fc\.weight_mask' is of a pruned weight; .*prune\.remove/],
])('a weight that is computed of %s is refused with the remedy', (_, weight, endings, message) => {
  const { [weight]: tensor, ...others } = Object.fromEntries(stack);
  const name = endings[0]!.startsWith('.') ? weight.replace('rnn.', 'rnn.parametrizations.') : weight;
  const parts = endings.map((ending) => [`${name}${ending}`, tensor!] as const);
  expect(() => modelFromTorch(new Map([...Object.entries(others), ...parts]), {}, 'x.pt')).toThrow(message);
});

test('--mapping is to be corrected only where one was given', () => {
  const lacking = new Map([...stack].filter(([name]) => name !== 'rnn.weight_hh_l0'));
  const message = "tensor 'rnn.weight_hh_l0' of recurrent layer 0 is missing; ";
  expect(() => modelFromTorch(lacking, {}, 'x.pt')).toThrow(`${message}say in a --mapping file`);
  expect(() => modelFromTorch(lacking, { recurrent: ['rnn'] }, 'x.pt')).toThrow(`${message}correct --mapping`);
});

test('tensors of no module are listed by their names', () => {
  const flat = renamed(stack, (name) => name.replaceAll('.', '_'));
  expect(() => modelFromTorch(flat, {}, 'x.pt')).toThrow(
    /has no embedding among its tensors embedding_weight, .*, whose names have no module/,
  );
});

test('a bias that one layer lacks is missed by name', () => {
  const lacking = new Map([...stack].filter(([name]) => name !== 'rnn.bias_hh_l1'));
  expect(() => modelFromTorch(lacking, {}, 'x.pt')).toThrow(
    "tensor 'rnn.bias_hh_l1' of recurrent layer 1 is missing, expected [20]",
  );
});

const sizes = { vocabSize: 7, embeddingDim: 4, hiddenDim: 3 };

test('the output of a sampled softmax goes to PyTorch as any other', () => {
  const config = languageModelConfig({ ...sizes, softmax: { name: 'sampled', samples: 2 } });
  const parameters = initialParameters(config, { seed: 1 });
  const tensors = torchTensors(config, parameters);
  expect(tensors.get('decoder.weight')).toEqual({ shape: [7, 3], values: parameters['output.embeddings'] });
});

test('a cell that PyTorch lacks is refused', () => {
  for (const cell of ['cifg', 'mingru', 'minlstm'] as const) {
    const config = languageModelConfig({ ...sizes, cell });
    expect(() => torchTensors(config, {})).toThrow(`PyTorch has no layer of the cell ${cell}`);
  }
});
