// RWKV-7s as they are published: the small model whose values `scripts/golden/make_rwkv7.py` computed with numpy.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trainTokenizer } from '@unroll/core/text';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GoldenRwkv7, goldenTensors, readGoldenRwkv7 } from '../../../core/src/testing/golden-rwkv7.js';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import { encodeSafetensors, type NamedArray } from '../checkpoint/safetensors.js';
import { exportBundle, generate, importModel, score } from '../index.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import type { NamedArrays } from './named-arrays.js';
import { modelFromRwkv } from './rwkv-model.js';
import { encodeTorchFile } from './torch-writer.js';
import { readWorldVocabulary } from './world-vocabulary.js';

const golden: GoldenRwkv7 = readGoldenRwkv7();
const published = new Map(
  [...goldenTensors(golden)].map(([name, { shape, values }]) => [name, { shape, values: Float32Array.from(values) }]),
);
const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

/** The published tensors, changed; undefined takes one out. */
function changed(changes: Record<string, readonly number[] | undefined>): NamedArrays {
  const tensors = new Map(published);
  for (const [name, shape] of Object.entries(changes)) {
    if (shape) tensors.set(name, { shape, values: new Float32Array(shape.reduce((a, b) => a * b, 1)) });
    else tensors.delete(name);
  }
  return tensors;
}

/** A model with fla's names; fla keeps the low-rank matrices transposed. */
function withFlaNames(model: NamedArrays): NamedArrays {
  const tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  const outer = { 'emb.weight': 'model.embeddings.weight', 'head.weight': 'lm_head.weight' };
  const parts = { ln0: 'pre_norm', ln1: 'attn_norm', ln2: 'ffn_norm', att: 'attn', ffn: 'ffn' };
  const modules = { receptance: 'r_proj', key: 'k_proj', value: 'v_proj', output: 'o_proj', ln_x: 'g_norm' };
  for (const [name, { shape, values }] of model) {
    const [, layer, part, rest] = /^blocks\.(\d+)\.(\w+)\.(.*)$/.exec(name) ?? [];
    const [, letter, number] = /^([wavg])([012])$/.exec(rest ?? '') ?? [];
    const outside = outer[name as keyof typeof outer] ?? name.replace('ln_out', 'model.norm');
    if (layer === undefined) tensors.set(outside, { shape, values });
    else if (letter !== undefined) {
      const place = ['2.bias', '0.weight', '2.weight'][Number(number)];
      const [rows, columns] = shape as [number, number];
      const turned = Float32Array.from(values, (_, k) => values[(k % rows) * columns + Math.floor(k / rows)]!);
      const tensor = number === '0' ? { shape: [values.length], values } : { shape: [columns, rows], values: turned };
      tensors.set(`model.layers.${layer}.attn.${letter}_lora.lora.${place}`, tensor);
    } else {
      const [module = '', end] = rest!.split('.');
      const renamed = part === 'att' && end ? `${modules[module as keyof typeof modules]}.${end}` : rest;
      tensors.set(`model.layers.${layer}.${parts[part as keyof typeof parts]}.${renamed}`, { shape, values });
    }
  }
  return tensors;
}

const vocabFile = at('vocab.txt');
/** 256 bytes and some more tokens, as Python writes them. */
const lines = [
  ...Array.from({ length: 256 }, (_, byte) => `${byte + 1} b'\\x${byte.toString(16).padStart(2, '0')}' 1`),
  ...["257 ' the' 4", '258 "it\'s" 4', "259 '\\n\\n' 2", "260 '诗' 3", "261 b'\\xe8\\xaf' 2", "262 '\\u8bd7 \\'' 5"],
];

beforeAll(() => {
  writeFileSync(vocabFile, `${lines.join('\n')}\n`);
});

describe('a model with published names', () => {
  test('has the sizes that its shapes say', () => {
    const { config, unread } = modelFromRwkv(changed({ 'blocks.0.att.v0': [1, 1, 16] }), 'x.pth');
    const { sizes } = golden;
    expect(config).toMatchObject({ cell: 'rwkv7', layers: 3, hiddenDim: 16, headSize: 8, feedForwardDim: 24 });
    expect(config).toMatchObject({ decayRank: sizes.ranks.w, valueRank: sizes.ranks.v, gateRank: sizes.ranks.g });
    expect(unread).toEqual(['blocks.0.att.v0']);
  });

  test.each<[string, Record<string, readonly number[] | undefined>, string]>([
    [
      'a missing tensor',
      { 'blocks.1.att.a0': undefined },
      "'blocks.1.att.a0' of the time mixing of block 1 is missing",
    ],
    ['another shape', { 'blocks.2.ffn.value.weight': [16, 25] }, 'is [16, 25], expected [16, 24]'],
    ['heads that do not fit', { 'blocks.0.att.r_k': [2, 7] }, 'must be a multiple of headSize, got 16 and 7'],
    [
      'a tensor of no part',
      { 'blocks.0.ffn.s_emb.weight': [11, 3] },
      "'blocks.0.ffn.s_emb.weight' [11, 3] is of no part",
    ],
    ['version 6', { 'blocks.0.att.r_k': undefined, 'blocks.0.att.time_maa_x': [16] }, 'is an RWKV of version 6'],
    ['version 5', { 'blocks.0.att.r_k': undefined, 'blocks.0.att.time_faaaa': [16] }, 'is an RWKV of version 5'],
    [
      'version 4',
      {
        ...Object.fromEntries(
          [...published.keys()].filter((name) => /r_k|ln_x/.test(name)).map((name) => [name, undefined]),
        ),
        'blocks.0.att.time_decay': [16],
      },
      'is an RWKV of version 4',
    ],
    ['no RWKV', { 'blocks.0.att.r_k': undefined }, 'lacks tensor blocks.0.att.r_k; is it an RWKV-7?'],
  ])('%s is refused in one line', (_, changes, message) => {
    expect(() => modelFromRwkv(changed(changes), 'x.pth')).toThrow(message);
  });
});

test('fla’s names give the same model, but for heads whose norm fla computes otherwise', () => {
  expect(() => modelFromRwkv(withFlaNames(published), 'x')).toThrow(
    'has heads of 8, whose group norm fla computes with',
  );
  const wide = new Map(
    [...published].map(([name, tensor]): [string, NamedArray] => {
      const shape = name.endsWith('r_k') ? [1, 64] : tensor.shape.map((size) => (size === 16 ? 64 : size));
      const count = shape.reduce((a, b) => a * b, 1);
      return [name, { shape, values: Float32Array.from({ length: count }, (_, k) => Math.sin(k + name.length)) }];
    }),
  );
  const { config, parameters } = modelFromRwkv(wide, 'x.pth');
  expect(modelFromRwkv(withFlaNames(wide), 'x')).toMatchObject({ config, parameters });
});

test('a World vocabulary is read line by line, and other sizes or damaged lines are refused', () => {
  const tokenizer = readWorldVocabulary(lines.join('\n'), 'v.txt', 264);
  expect(tokenizer).toMatchObject({ vocabSize: 264, startId: undefined, eosId: 11 });
  expect(tokenizer.encode("it's the 诗\n\n")).toEqual([258, 257, 33, 260, 259]);
  expect(tokenizer.encode("诗 '")).toEqual([262]);
  const read =
    (changes: string, rows = 264) =>
    () =>
      readWorldVocabulary([...lines, changes].join('\n'), 'v.txt', rows);
  expect(read("263 'ab' 3")).toThrow("v.txt, line 263: 'ab' has 2 bytes, not 3");
  expect(read("262 'ab' 2")).toThrow('line 263: gives the id 262 a second time');
  expect(read("263 'a\\q' 3")).toThrow("'a\\q' is no literal of Python's");
  expect(read('263 ab 2')).toThrow('is "263 ab 2", not \'id literal length\'');
  expect(read("263 'ab' 2", 200)).toThrow('has the ids 0 to 263, the embedding 200 rows');
  expect(read("263 'ab' 2", 65536)).toThrow('the embedding 65536 rows');
});

test('a published file is imported, scored without its first token, continued, and exported', async () => {
  // The model with an embedding and an output for 264 tokens: rows of the small one, again and again.
  const tensors = new Map(published);
  for (const name of ['emb.weight', 'head.weight']) {
    const values = Float32Array.from({ length: 264 * 16 }, (_, k) => published.get(name)!.values[k % (11 * 16)]!);
    tensors.set(name, { shape: [264, 16], values });
  }
  const paths = { pth: at('model.pth'), safetensors: at('model.safetensors') };
  writeFileSync(paths.pth, encodeTorchFile(tensors));
  writeFileSync(paths.safetensors, Buffer.concat(encodeSafetensors(Object.fromEntries(tensors))));
  const options = { from: 'rwkv', vocab: vocabFile } as const;
  const result = await importModel({ ...options, file: paths.pth, out: at('imported') });
  expect(result).toMatchObject({ cell: 'rwkv7', layers: 3, vocabSize: 264, assumptions: [], unread: [] });
  await importModel({ ...options, file: paths.safetensors, out: at('again') });
  const { parameters } = await readCheckpoint(at('imported'));
  expect((await readCheckpoint(at('again'))).parameters).toEqual(parameters);

  const text = 'it’s the 诗';
  const scored = await score({ checkpoint: at('imported'), text });
  expect(scored.tokens).toHaveLength(8);
  await exportBundle({ checkpoint: at('imported'), out: at('bundle'), target: 'node', quantization: 'none' });
  const inBundle = await score({ bundle: at('bundle'), text });
  expect(inBundle.logProbability).toBeCloseTo(scored.logProbability, 4);
  const written = [];
  for await (const { id } of generate({ bundle: at('bundle'), prompt: text, maxTokens: 5 })) written.push(id);
  expect(written).toHaveLength(5);
  const pieces = trainTokenizer('bpe', 'the dogs that the cats see\n'.repeat(9), { vocabSize: 264 });
  writeFileSync(at('tokenizer.json'), JSON.stringify(pieces));
  await importModel({ ...options, vocab: at('tokenizer.json'), file: paths.pth, out: at('pieces') });
  const { tokenizer } = await readCheckpoint(at('pieces'));
  expect(tokenizer.startId).toBeUndefined();
  expect(tokenizer.encode('the dogs')).toEqual(pieces.encode('the dogs'));
  await expect(importModel({ ...options, vocab: at('words.txt'), file: paths.pth, out: at('x') })).rejects.toThrow(
    'words.txt: does not exist',
  );
  writeFileSync(at('words.txt'), '<unk>\n<eos>\nthe\n');
  await expect(importModel({ ...options, vocab: at('words.txt'), file: paths.pth, out: at('x') })).rejects.toThrow(
    'words.txt: is a list of words; give the World vocabulary',
  );
});
