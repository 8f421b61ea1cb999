// ELMo as its authors published it: what AllenNLP's repository recorded of the original implementation (bilm-tf) for its
// test model, layer by layer. `<data>/pretrained/elmo-fixture` has the files; where they are absent, these tests skip.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { elmoCharacters, elmoLayers, elmoMixShapes, elmoParameterShapes, extractElmoFeatures } from '@unroll/core';
import { loadElmo } from '@unroll/edge-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../checkpoint/safetensors.js';
import { H5File } from '../import/h5-file.js';
import { exportBundle, extractFeatures, importModel } from '../index.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { readElmoCheckpoint } from './elmo-checkpoint.js';

const data = process.env.UNROLL_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const published = join(data, 'pretrained/elmo-fixture');
const missing = existsSync(join(published, 'options.json')) ? undefined : `${published} is not here`;

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

const h5 = (name: string) => new H5File(new Uint8Array(readFileSync(join(published, name))), name);
const lists: string[][] = missing ? [] : JSON.parse(readFileSync(join(published, 'sentences.json'), 'utf8'));
/** The recorded activations of the top layer: for each list and sentence [2 directions, words, 16]. */
const recorded = lists.map((sentences, list) => {
  const file = h5(`lm_embeddings_${list}.hdf5`);
  return sentences.map((_, k) => file.tensor(`${k}`, `${k}`)!);
});

/** The largest difference between the top layer of [3, words, 32] and what was recorded. */
function difference(values: ArrayLike<number>, { shape, values: expected }: (typeof recorded)[number][number]): number {
  const [, words = 0, width = 0] = shape;
  expect(values).toHaveLength(3 * words * 2 * width);
  let largest = 0;
  for (let direction = 0; direction < 2; direction++) {
    for (let k = 0; k < words * width; k++) {
      const place = ((2 * words + Math.floor(k / width)) * 2 + direction) * width + (k % width);
      largest = Math.max(largest, Math.abs(values[place]! - expected[direction * words * width + k]!));
    }
  }
  return largest;
}

describe.skipIf(missing)(`the published test model (${missing ?? 'it is here'})`, () => {
  beforeAll(async () => {
    await importModel({ from: 'bilm', file: published, out: at('elmo') });
    for (const [list, sentences] of lists.entries()) writeFileSync(at(`${list}.txt`), `${sentences.join('\n')}\n`);
  });

  const extracted = async (list: number, carryStates: boolean) => {
    const out = at(`${list}-${carryStates}.safetensors`);
    const options = { checkpoint: at('elmo'), text: at(`${list}.txt`), out, carryStates, threads: 1 };
    const { lines } = await extractFeatures(options);
    expect(lines).toBe(10);
    return decodeSafetensors(readFileSync(out), out);
  };

  test('has the recorded activations: of the first sentence from zero states, of all ten with carried ones', async () => {
    for (const [list, sentences] of recorded.entries()) {
      const [alone, carried] = [await extracted(list, false), await extracted(list, true)];
      expect(difference(alone['0']!.values, sentences[0]!)).toBeLessThan(1e-5);
      expect(difference(alone['1']!.values, sentences[1]!)).toBeGreaterThan(1e-3);
      for (const [k, expected] of sentences.entries()) {
        expect(difference(carried[`${k}`]!.values, expected), `list ${list}, sentence ${k}`).toBeLessThan(1e-5);
      }
    }
  });

  test('has the recorded word vectors as its first layer, in both halves', async () => {
    const words = readFileSync(join(published, 'vocab_test.txt'), 'utf8').trimEnd().split('\n');
    writeFileSync(at('words.txt'), words.join(' '));
    await extractFeatures({ checkpoint: at('elmo'), text: at('words.txt'), out: at('words.safetensors'), threads: 1 });
    const { values } = decodeSafetensors(readFileSync(at('words.safetensors')), '')['0']!;
    const expected = h5('elmo_token_embeddings.hdf5').tensor('embedding', '')!;
    expect(expected.shape).toEqual([words.length, 16]);
    const rows = Array.from(expected.values, (value, k) => {
      const place = Math.floor(k / 16) * 32 + (k % 16);
      return Math.max(Math.abs(values[place]! - value), Math.abs(values[place + 16]! - value));
    });
    expect(Math.max(...rows)).toBeLessThan(1e-5);
  });

  test('gives the same in code, batch after batch', async () => {
    await tf.setBackend('cpu');
    const { config, parameters } = await readElmoCheckpoint(at('elmo'));
    const tensors = Object.fromEntries(
      Object.entries(elmoParameterShapes(config)).map(([name, shape]) => [
        name,
        tf.tensor(parameters[name]!, [...shape]),
      ]),
    );
    const mix = Object.entries(elmoMixShapes).map(([name, shape]) => [
      name,
      tf.tensor(name === 'mix.gamma' ? [1] : [-300, -300, 0], [...shape]),
    ]);
    const topAlone = { ...tensors, ...Object.fromEntries(mix) };
    let state: Record<string, tf.Tensor> | undefined;
    for (const batch of [0, 1]) {
      const sentences = lists.map((list) => list[batch]!.split(' '));
      const time = 2 + Math.max(...sentences.map(({ length }) => length));
      const spelled = elmoCharacters(sentences, { time, maxCharacters: config.maxCharacters });
      const inputs = {
        characters: tf.tensor(spelled.characters, [3, time, config.maxCharacters], 'int32'),
        lengths: tf.tensor1d(spelled.lengths, 'int32'),
        state,
      };
      const layers = elmoLayers(config, tensors, inputs);
      const features = await extractElmoFeatures(config, topAlone, inputs).array();
      const all = await Promise.all(layers.layers.map((layer) => layer.array()));
      for (const [list, words] of sentences.entries()) {
        const values = all.flatMap((layer) => layer[list]!.slice(1, words.length + 1).flat());
        expect(difference(values, recorded[list]![batch]!)).toBeLessThan(1e-5);
        const top = features[list]!.slice(1, words.length + 1).flat();
        expect(difference([...values.slice(0, -top.length), ...top], recorded[list]![batch]!)).toBeLessThan(1e-5);
      }
      state = layers.state;
    }
  });

  test('gives the same as a bundle', async () => {
    await exportBundle({ checkpoint: at('elmo'), out: at('bundle'), quantization: 'none' });
    await using elmo = await loadElmo(at('bundle'));
    const first = await elmo.features(lists[0]![0]!.split(' '));
    const second = await elmo.features(lists[0]![1]!.split(' '), { state: first.state });
    expect(difference(first.values, recorded[0]![0]!)).toBeLessThan(1e-5);
    expect(difference(second.values, recorded[0]![1]!)).toBeLessThan(1e-5);
    expect(second.shape).toEqual([3, recorded[0]![1]!.shape[1], 32]);
    await expect(elmo.features(['a'], { state: {} })).rejects.toThrow("state: 'forward.h.0' has no values, not 16");
  });

  type Options = { lstm: Record<string, unknown>; char_cnn: Record<string, unknown> };

  test.each<[string, (options: Options) => unknown, RegExp]>([
    [
      'an option that it does not know',
      ({ lstm }) => (lstm.layer_norm = true),
      /options\.json: lstm\.layer_norm: is an option that is not followed/,
    ],
    ['three layers', ({ lstm }) => (lstm.n_layers = 3), /options\.json: lstm\.n_layers: must be 2/],
    [
      'no skip connections',
      ({ lstm }) => (lstm.use_skip_connections = false),
      /lstm\.use_skip_connections: must be true/,
    ],
    ['another activation', ({ char_cnn }) => (char_cnn.activation = 'tanh'), /char_cnn\.activation: must be "relu"/],
    [
      'a filter wider than a word',
      ({ char_cnn }) => (char_cnn.filters = [[60, 4]]),
      /width must be from 1 to maxCharacters 50/,
    ],
    [
      'another width',
      ({ lstm }) => (lstm.dim = 32),
      /lm_weights\.hdf5: tensor 'RNN_0\/RNN\/MultiRNNCell\/Cell0\/LSTMCell\/W_0' of the forward layer 0 is \[32, 256\], expected \[32, 128\]/,
    ],
    [
      'a highway layer more',
      ({ char_cnn }) => (char_cnn.n_highway = 3),
      /tensor 'CNN_high_2\/W_transform' of highway layer 2 is missing/,
    ],
  ])('%s is refused by name', async (name, change, message) => {
    const folder = at(name);
    mkdirSync(folder);
    cpSync(join(published, 'lm_weights.hdf5'), join(folder, 'lm_weights.hdf5'));
    const options = JSON.parse(readFileSync(join(published, 'options.json'), 'utf8'));
    change(options);
    writeFileSync(join(folder, 'options.json'), JSON.stringify(options));
    const error = await importModel({ from: 'bilm', file: folder, out: at('refused') }).catch(
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ name: 'UnrollError', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
    expect(existsSync(at('refused'))).toBe(false);
  });
});

test('a folder without options, or with two weights, is refused by the file', async () => {
  mkdirSync(at('empty'));
  const of = (file: string) => importModel({ from: 'bilm', file, out: at('refused') });
  await expect(of(at('empty'))).rejects.toThrow(/empty: has no \*options\.json/);
  await expect(of(at('absent'))).rejects.toThrow(/absent: cannot be read as a folder/);
  for (const name of ['options.json', 'a_weights.hdf5', 'b_weights.hdf5']) writeFileSync(join(at('empty'), name), '{');
  await expect(of(at('empty'))).rejects.toThrow(/empty: has 2 files \*weights\.hdf5/);
});
