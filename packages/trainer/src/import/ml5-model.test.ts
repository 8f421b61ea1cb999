// charRNNs of ml5.js. `<data>/pretrained/ml5-charrnn` holds two that its users trained, and SOURCE.md beside it what an
// independent evaluation in float64 gave; where they are absent, these tests skip. The others make a small one.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { exportBundle, generate, importModel, score } from '../index.js';
import { temporaryFolder } from '../testing/unroll-process.js';

const data = process.env.UNROLL_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const published = join(data, 'pretrained/ml5-charrnn');
const missing = existsSync(join(published, 'darwin')) ? undefined : `${published} is not here`;

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

test.skipIf(missing).each([
  [
    'charlotte_bronte',
    -221.64885,
    5.50134,
    130,
    'There was no possibility of taking a walk that day. We had been wandering, indeed, in the leafless shrubbery an hour in the morning',
  ],
  [
    'darwin',
    -232.95757,
    5.61595,
    135,
    'When on board H.M.S. Beagle, as naturalist, I was much struck with certain facts in the distribution of the inhabitants of South America',
  ],
])(`%s has the log-probability %d (${missing ?? 'it is here'})`, async (name, expected, perplexity, count, text) => {
  const { unread } = await importModel({ from: 'ml5', file: join(published, name), out: at(name) });
  expect(unread).toEqual(['Variable']);
  const scored = await score({ checkpoint: at(name), text });
  expect(Math.abs(scored.logProbability - expected)).toBeLessThan(1e-4);
  expect(scored.perplexity).toBeCloseTo(perplexity, 4);
  expect(scored.tokens).toEqual([...text].slice(1));
  expect(scored.tokens).toHaveLength(count);
});

const [rows, width] = [5, 4];
const shapes = {
  Variable: [],
  embedding: [rows, width],
  'rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/kernel': [2 * width, 4 * width],
  'rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell/bias': [4 * width],
  'rnnlm/softmax_w': [width, rows],
  'rnnlm/softmax_b': [rows],
};
const vocabulary = { a: 0, b: 1, ' ': 2, '\n': 3, c: 4 };

/** Writes a small model; tensors of another shape than `shapes`, or none, as `changes` say. */
function writeModel(name: string, vocab: object, changes: Record<string, readonly number[] | undefined> = {}): string {
  mkdirSync(at(name));
  const manifest: Record<string, object> = {};
  for (const [tensor, shape] of Object.entries({ ...shapes, ...changes })) {
    if (!shape) continue;
    const filename = tensor.replaceAll('/', '_');
    manifest[tensor] = { filename, shape };
    const count = shape.reduce((product, size) => product * size, 1);
    writeFileSync(
      join(at(name), filename),
      new Uint8Array(Float32Array.from({ length: count }, (_, k) => Math.sin(3 * k + count)).buffer),
    );
  }
  writeFileSync(join(at(name), 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(at(name), 'vocab.json'), JSON.stringify(vocab));
  return at(name);
}

test('a small one is scored from its first character on, and a bundle writes the same', async () => {
  const { assumptions } = await importModel({ from: 'ml5', file: writeModel('small', vocabulary), out: at('run') });
  expect(assumptions).toEqual([expect.stringContaining('vocab.json: has no "<unk>"; row 5 was added for it')]);
  await exportBundle({ checkpoint: at('run'), out: at('bundle'), quantization: 'none' });
  const written = async (source: object) => {
    let text = '';
    for await (const token of generate({ ...source, prompt: 'ab', maxTokens: 20, seed: 2 })) text += token.text;
    return text;
  };
  expect(await written({ checkpoint: at('run') })).toBe(await written({ bundle: at('bundle') }));
  const [checkpoint, bundle] = [
    await score({ checkpoint: at('run'), text: 'ab c' }),
    await score({ bundle: at('bundle'), text: 'ab c' }),
  ];
  expect(checkpoint.tokens).toEqual(['b', ' ', 'c']);
  expect(bundle.logProbability).toBeCloseTo(checkpoint.logProbability, 4);
  await expect(
    written({ checkpoint: at('run') }).then(() => score({ checkpoint: at('run'), text: 'a' })),
  ).resolves.toMatchObject({ tokens: [], logProbability: 0 });
  const empty = generate({ checkpoint: at('run'), prompt: '' });
  await expect(empty.next()).rejects.toThrow('prompt: is empty, and this model has no start token');
});

test('faults of a vocabulary that leave the others’ meaning are told, and the model is read', async () => {
  const file = writeModel('faults', { a: 0, ab: 1, '': 2, '\n': 3 });
  const { assumptions, vocabSize } = await importModel({ from: 'ml5', file, out: at('faulty') });
  expect(assumptions.map((line) => line.split(',')[0])).toEqual([
    'vocab.json: the entry "ab" of id 1 is 2 characters',
    'vocab.json: the entry "" of id 2 is empty',
    'vocab.json: no entry has the id 4',
    expect.stringContaining('has no "<unk>"'),
  ]);
  expect(vocabSize).toBe(6);
});

const cell = 'rnnlm/multi_rnn_cell/cell_0/basic_lstm_cell';

test.each<[string, object, Record<string, readonly number[] | undefined>, RegExp]>([
  ['two characters of one id', { ...vocabulary, d: 4 }, {}, /vocab\.json: "c" and "d" both have the id 4/],
  [
    'an id without a row',
    { ...vocabulary, d: 5 },
    {},
    /vocab\.json: "d" has the id 5; the embedding's rows run from 0 to 4/,
  ],
  ['ids that are no numbers', { a: 'x' }, {}, /vocab\.json: is no object from characters to ids/],
  [
    'no output',
    vocabulary,
    { 'rnnlm/softmax_w': undefined },
    /manifest\.json: has no tensor softmax_w\$ of the output/,
  ],
  [
    'another shape',
    vocabulary,
    { [`${cell}/kernel`]: [7, 16] },
    /tensor '.*kernel' of LSTM 0 is \[7, 16\], expected \[8, 16\]/,
  ],
  [
    'a layer that is not read',
    vocabulary,
    { 'rnnlm/attention': [3] },
    /tensor 'rnnlm\/attention' \[3\] is of no layer that is read/,
  ],
])('%s is refused by name', async (name, vocab, changes, message) => {
  const error = await importModel({ from: 'ml5', file: writeModel(name, vocab, changes), out: at('refused') }).catch(
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: 'UnrollError', message: expect.stringMatching(message) });
  expect((error as Error).message).not.toContain('\n');
  expect(existsSync(at('refused'))).toBe(false);
});

test('a checkpoint of TensorFlow is refused, and the line says how to convert it', async () => {
  mkdirSync(at('tensorflow'));
  writeFileSync(join(at('tensorflow'), 'model.ckpt-5.index'), '');
  const of = (from: 'ml5' | 'bilm' | 'keras', file: string) => importModel({ from, file, out: at('refused') });
  await expect(of('ml5', at('tensorflow'))).rejects.toThrow(/is a checkpoint of TensorFlow.*json_checkpoint_vars\.py/);
  await expect(of('bilm', at('tensorflow'))).rejects.toThrow(/is a checkpoint of TensorFlow.*dump_weights/);
  await expect(of('keras', 'run/model.ckpt')).rejects.toThrow(/is a checkpoint of TensorFlow.*model\.keras/);
});
