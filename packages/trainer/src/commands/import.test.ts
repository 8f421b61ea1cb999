// From another framework's file to text, and back, in real processes.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  committedFiles,
  expectedLosses,
  kerasFolder,
  makerMissing,
  torchLosses,
} from '../testing/foreign-models/files.js';
import { smallModel, temporaryFolder, unroll, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
const model = (name: string) => join(committedFiles, name);
const vocab = ['--vocab', model('words.txt')];

beforeAll(async () => {
  mkdirSync(at('corpus'));
  const text = readFileSync(model('text.txt'));
  for (const split of ['train', 'valid', 'test']) writeFileSync(at(`corpus/${split}.txt`), text);
});
afterAll(() => root[Symbol.dispose]());

test('an imported model is evaluated, exported and generates', async () => {
  const result = await unrollJson('import', model('lstm.pt'), '--from', 'pytorch', ...vocab, '--out', at('lstm'));
  expect(result).toEqual({
    ...{ checkpoint: at('lstm'), cell: 'lstm', layers: 2, embeddingDim: 6, hiddenDim: 5, vocabSize: 12 },
    ...{ tieWeights: false, parameters: 644, assumptions: [], unread: [] },
  });
  const { loss } = await unrollJson('eval', '--checkpoint', at('lstm'), '--data', at('corpus'), '--threads', '1');
  expect(loss).toBeCloseTo(expectedLosses(committedFiles)['lstm.pt']!, 5);
  await unrollJson('export', '--checkpoint', at('lstm'), '--out', at('bundle'), '--quantization', 'none');
  const greedy = ['--prompt', 'the dog', '--max-tokens', '5', '--temperature', '0'];
  const { text } = await unrollJson('generate', '--bundle', at('bundle'), ...greedy);
  expect(await unrollJson('generate', '--checkpoint', at('lstm'), ...greedy)).toMatchObject({ text });
});

test('an import may be repeated, but takes no place of a training or of other files', async () => {
  const flags = ['--from', 'keras', ...vocab, '--out'];
  await unrollJson('import', model(join(kerasFolder, 'gru.keras')), ...flags, at('gru'));
  await unrollJson('import', model(join(kerasFolder, 'gru.keras')), ...flags, at('gru'));
  const { status, stderr } = await unroll('import', model(join(kerasFolder, 'gru.keras')), ...flags, at('corpus'));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^unroll: .*corpus: holds files that are no imported model's, .*choose another --out\n$/);
});

test('a model that is refused is one line, status 1, and leaves nothing', async () => {
  const flags = ['--from', 'pytorch', ...vocab, '--out', at('attacked')];
  const { status, stdout, stderr } = await unroll('import', model('attack.pt'), ...flags);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^unroll: .*attack\.pt: 'decoder\.weight' is made by .*\n$/);
  expect(existsSync(at('attacked'))).toBe(false);
});

test.each([
  ['without a source', ['import', 'x.pt', ...vocab, '--out', 'x'], "required option '--from <framework>'"],
  ['without a vocabulary', ['import', 'x.pt', '--from', 'pytorch', '--out', 'x'], '--vocab: is missing'],
  [
    'with a mapping of what needs none',
    ['import', 'x.h5', '--from', 'keras', ...vocab, '--out', 'x', '--mapping', 'm.json'],
    '--mapping: is for --from pytorch',
  ],
  [
    'to a file of no known kind',
    ['export-weights', '--checkpoint', 'x', '--to', 'pytorch', '--out', 'x.bin'],
    '--out: x.bin ends neither in .pt nor in .safetensors',
  ],
])('%s it is wrong usage, status 2', async (_, args, message) => {
  const { status, stderr } = await unroll(...args);
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) });
});

test('a trained model exported for PyTorch comes back as it was, and overwrites no file', async () => {
  const corpus = writeSmallCorpus(at('small'));
  await unrollJson(
    'train',
    '--data',
    corpus,
    '--out',
    at('trained'),
    ...smallModel,
    '--cell',
    'gru',
    '--max-steps',
    '3',
  );
  const weights = ['export-weights', '--checkpoint', at('trained'), '--to', 'pytorch', '--out'];
  const evaluate = async (checkpoint: string) =>
    (await unrollJson('eval', '--checkpoint', checkpoint, '--data', corpus, '--threads', '1')).loss;
  for (const out of [at('gru.pt'), at('gru.safetensors')]) {
    const { tensors } = await unrollJson(...weights, out);
    expect(tensors).toEqual([
      ...['encoder.weight', 'rnn.weight_ih_l0', 'rnn.weight_hh_l0', 'rnn.bias_ih_l0', 'rnn.bias_hh_l0'],
      ...['decoder.weight', 'decoder.bias'],
    ]);
    const again = ['--from', 'pytorch', '--vocab', at('trained/tokenizer.json'), '--out', `${out}-again`];
    await unrollJson('import', out, ...again);
    expect(await evaluate(`${out}-again`)).toBe(await evaluate(at('trained')));
  }
  const { status, stderr } = await unroll(...weights, at('gru.pt'));
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `unroll: ${at('gru.pt')}: exists already; choose another --out\n`,
  });
});

const torchMissing = makerMissing('pytorch');
test.skipIf(torchMissing)(
  `weights written by the command load in PyTorch (${torchMissing ?? 'it is here'})`,
  async () => {
    await unrollJson('import', model('tied.pt'), '--from', 'pytorch', ...vocab, '--out', at('tied'));
    await unrollJson('export-weights', '--checkpoint', at('tied'), '--to', 'pytorch', '--out', at('tied.pt'));
    const [loss] = torchLosses([{ file: at('tied.pt'), cell: 'lstm', layers: 1, tied: true, projection: 0 }]);
    expect(loss).toBeCloseTo(expectedLosses(committedFiles)['tied.pt']!, 5);
  },
);
