// Models with which PyTorch and Keras computed a loss: after import they have the same loss. Also files that must be
// refused.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeSafetensors } from '../checkpoint/safetensors.js';
import {
  committedFiles,
  expectedLosses,
  frameworks,
  kerasFolder,
  makeFiles,
  makerMissing,
  torchLosses,
} from '../testing/foreign-models/files.js';
import { textLoss } from '../testing/foreign-models/text-loss.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { type Import, readForeignModel } from './import-model.js';
import { decodeTorchFile } from './torch-file.js';
import { torchTensors } from './torch-weights.js';
import { encodeTorchFile } from './torch-writer.js';

const root = temporaryFolder();
const mapping = join(root.path, 'mapping.json');
const tanh = join(root.path, 'tanh.json');
beforeAll(() => {
  writeFileSync(mapping, '{"embedding": "tokens", "recurrent": "body", "output": "scores"}');
  writeFileSync(tanh, '{"nonlinearity": "tanh"}');
});
afterAll(() => root[Symbol.dispose]());

function importFile(file: string, folder = committedFiles): Promise<Import> {
  return readForeignModel(
    {
      from: /\.(h5|keras)$/.test(file) ? 'keras' : 'pytorch',
      file: join(folder, file),
      vocab: join(committedFiles, 'words.txt'),
      ...(file === 'named.pt' ? { mapping } : {}),
      ...(file === 'rnn.pt' ? { mapping: tanh } : {}),
    },
    new AbortController().signal,
  );
}

const torchMissing = makerMissing('pytorch');
const torchIsHere = torchMissing ?? 'PyTorch is here';
const ofKeras = Object.entries(expectedLosses(join(committedFiles, kerasFolder)));
const losses = [
  ...Object.entries(expectedLosses(committedFiles)),
  ...ofKeras.map(([file, loss]) => [join(kerasFolder, file), loss] as const),
];

test.each(losses)('%s has, imported, the loss that its own framework computes', async (file, expected) => {
  const { checkpoint } = await importFile(file);
  expect(await textLoss(checkpoint)).toBeCloseTo(expected, 5);
});

describe.each(frameworks)('files of %s', (framework) => {
  const missing = makerMissing(framework);
  test.skipIf(missing)(`made here import alike (${missing ?? 'their maker is here'})`, async () => {
    const folder = makeFiles(join(root.path, `made-${framework}`), framework);
    for (const [file, expected] of Object.entries(expectedLosses(folder))) {
      const { checkpoint } = await importFile(file, folder);
      expect(await textLoss(checkpoint), file).toBeCloseTo(expected, 5);
    }
  });
});

test("an import keeps PyTorch's two biases apart, and tied weights tied", async () => {
  const { checkpoint: lstm } = await importFile('lstm.pt');
  expect(lstm.config).toMatchObject({ cell: 'lstm', layers: 2, recurrentBias: true, tieWeights: false });
  const { checkpoint: tied } = await importFile('tied.pt');
  expect(tied.config).toMatchObject({ embeddingDim: 6, hiddenDim: 6, tieWeights: true });
  expect(Object.keys(tied.parameters)).not.toContain('output.kernel');
});

test('what a file holds beside the model is left unread, and named', async () => {
  expect((await importFile('gru.pt')).unread).toEqual([]);
  expect((await importFile('training.pt')).unread).toEqual(['epoch', 'optimizer', 'best', 'tag']);
  const { unread } = await importFile('beside.pt');
  expect(unread).toEqual(
    expect.arrayContaining(['args', 'counts', 'device', 'rng', 'n_averaged', 'position_ids', 'mask']),
  );
});

const exported = ['rnn.pt', 'lstm.pt', 'gru.pt', 'tied.pt', 'projected.pt', 'lstm.h5'];

test.skipIf(torchMissing)(`exported again, they have the same loss in PyTorch (${torchIsHere})`, async () => {
  const models = [];
  for (const name of exported) {
    const { config, parameters } = (await importFile(name)).checkpoint;
    const { cell, layers, tieWeights: tied, projectionDim: projection = 0 } = config;
    const file = join(root.path, `again-${name}`);
    writeFileSync(file, encodeTorchFile(torchTensors(config, parameters)));
    models.push({ file, cell, layers, tied, projection });
  }
  const losses = torchLosses(models);
  for (const [index, name] of exported.entries()) {
    expect(losses[index], name).toBeCloseTo(expectedLosses(committedFiles)[name]!, 5);
  }
});

test.each(exported)('%s, exported and imported again, has the same parameters to the last bit', async (file) => {
  const { checkpoint } = await importFile(file);
  const { config, parameters } = checkpoint;
  writeFileSync(join(root.path, `back-${file}`), encodeTorchFile(torchTensors(config, parameters)));
  const again = await readForeignModel(
    {
      from: 'pytorch',
      file: join(root.path, `back-${file}`),
      vocab: join(committedFiles, 'words.txt'),
      ...(config.cell === 'rnn' ? { mapping: tanh } : {}),
    },
    new AbortController().signal,
  );
  for (const [name, values] of Object.entries(parameters)) {
    expect(again.checkpoint.parameters[name], name).toEqual(values);
  }
});

describe('a model in several files', () => {
  const index = (name: string) => join(root.path, name);

  async function split(name: string, places: (tensor: string) => string): Promise<string> {
    const { tensors } = decodeTorchFile(new Uint8Array(readFileSync(join(committedFiles, 'lstm.pt'))), 'lstm.pt');
    for (const file of new Set([...tensors.keys()].map(places))) {
      const part = Object.fromEntries([...tensors].filter(([tensor]) => places(tensor) === file));
      writeFileSync(index(file), Buffer.concat(encodeSafetensors(part)));
    }
    const weight_map = Object.fromEntries([...tensors.keys()].map((tensor) => [tensor, places(tensor)]));
    writeFileSync(index(name), JSON.stringify({ metadata: { total_size: 1 }, weight_map }));
    return name;
  }

  const halves = (tensor: string) => `model-0000${tensor.startsWith('rnn') ? 2 : 1}-of-00002.safetensors`;

  test('is read by its index', async () => {
    const { checkpoint } = await importFile(await split('model.safetensors.index.json', halves), root.path);
    expect(checkpoint.parameters).toEqual((await importFile('lstm.pt')).checkpoint.parameters);
  });

  test('is refused by one of its files, or where one lacks what the index says', async () => {
    await expect(importFile('model-00001-of-00002.safetensors', root.path)).rejects.toThrow(
      /is one of several files of a model; give the index beside it/,
    );
    const elsewhere = { weight_map: { 'rnn.weight_ih_l0': 'model-00001-of-00002.safetensors' } };
    writeFileSync(index('wrong.index.json'), JSON.stringify(elsewhere));
    await expect(importFile('wrong.index.json', root.path)).rejects.toThrow(
      /model-00001-of-00002\.safetensors: lacks tensor 'rnn\.weight_ih_l0', which .*wrong\.index\.json says it holds/,
    );
    writeFileSync(index('outside.index.json'), '{"weight_map": {"a": "../a.safetensors"}}');
    await expect(importFile('outside.index.json', root.path)).rejects.toThrow(
      /weight_map\.a: must name files beside it/,
    );
  });
});

describe('refuses', () => {
  test('weights that are NaN or infinite, by the name of their tensor', async () => {
    const { tensors } = decodeTorchFile(new Uint8Array(readFileSync(join(committedFiles, 'lstm.pt'))), 'lstm.pt');
    const bias = Float32Array.from(tensors.get('fc.bias')!.values).fill(Number.NaN, 3, 5);
    writeFileSync(
      join(root.path, 'nan.pt'),
      encodeTorchFile(new Map([...tensors, ['fc.bias', { shape: [12], values: bias }]])),
    );
    await expect(importFile('nan.pt', root.path)).rejects.toThrow(
      /nan\.pt: tensor 'fc\.bias' of the output has 2 NaN or infinite values among 12/,
    );
  });

  test("tensors of another framework's layout", async () => {
    const bytes = readFileSync(join(committedFiles, 'bfloat16.safetensors'));
    writeFileSync(join(root.path, 'tf.safetensors'), bytes.toString('latin1').replace('"pt"', '"tf"'), 'latin1');
    await expect(importFile('tf.safetensors', root.path)).rejects.toThrow(/holds tensors of the format "tf"/);
  });

  test.each([
    ['attack.pt', /attack\.pt: 'decoder\.weight' is made by (posix|os)\.system, .* was not executed; .*state_dict\(\)/],
    ['whole-model.pt', /whole-model\.pt: is a whole object of __main__\.LanguageModel, .*model\.state_dict\(\)/],
    ['legacy.pt', /legacy\.pt: is a pickle of PyTorch before 1\.6; .*torch\.save\(torch\.load\(/],
    ['bidirectional.pt', /tensor 'rnn\.\w+_reverse' \[.*\] is of a bidirectional layer/],
    ['widths.pt', /tensor 'rnn\.weight_ih_l1' of recurrent layer 1 is \[28, 5\], expected \[20, 5\]/],
    ['weight-norm.pt', /tensor 'decoder\.weight_g' is of a normalized weight; .*remove_weight_norm/],
    ['quantized.pt', /quantized\.pt: '(rnn|decoder)\.[^']+' is of a quantized model, .*save the float model/],
    ['external-link.h5', /h5: tensor 'lstm\/kernel' cannot be read; is a link to another file \(ExternalLink\)/],
    ['external-values.h5', /h5: tensor 'lstm\/kernel' has its values in another file/],
    ['norm.pt', /tensor 'norm\.weight' \[5\] is of no layer that is supported/],
    ['words.txt', /words\.txt: is neither a file of torch\.save nor of safetensors/],
    ['absent.pt', /absent\.pt: does not exist/],
  ])('%s', async (file, message) => {
    const error = await importFile(file).catch((reason: Error) => reason);
    expect(error).toMatchObject({ name: 'UnrollError', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
    expect(existsSync('executed-by-pickle')).toBe(false);
  });

  const readers = ['lstm.pt', 'lstm.h5', join(kerasFolder, 'gru.keras'), 'bfloat16.safetensors'];

  test.each(readers)('%s if it was cut off', async (file) => {
    const bytes = readFileSync(join(committedFiles, file));
    const cut = `cut-${basename(file)}`;
    writeFileSync(join(root.path, cut), bytes.subarray(0, Math.floor(bytes.length / 2)));
    await expect(importFile(cut, root.path)).rejects.toMatchObject({ name: 'UnrollError' });
  });

  test.each([join(kerasFolder, 'gru.keras'), 'gru.pt'])('%s if it claims to unpack to gigabytes', async (file) => {
    const bytes = Buffer.from(readFileSync(join(committedFiles, file)));
    // Overwrites the size of each file in the zip's directory, whose entries begin with this signature.
    for (let at = bytes.indexOf('PK\x01\x02'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 4)) {
      bytes.writeUInt32LE(3_000_000_000, at + 24);
    }
    const bomb = `bomb-${basename(file)}`;
    writeFileSync(join(root.path, bomb), bytes);
    await expect(importFile(bomb, root.path)).rejects.toMatchObject({
      name: 'UnrollError',
      message: expect.stringMatching(
        /bomb-gru\.\w+: \d+ bytes claim to unpack to \d+ or more, .*save the model again$/,
      ),
    });
  });

  test('modules that nothing is known about, until a mapping names them', async () => {
    const request = { from: 'pytorch', file: join(committedFiles, 'named.pt') } as const;
    const vocab = join(committedFiles, 'words.txt');
    const { signal } = new AbortController();
    await expect(readForeignModel({ ...request, vocab }, signal)).rejects.toThrow(
      /has no embedding among its modules tokens, body, scores; .*--mapping/,
    );
    const wrong = join(root.path, 'wrong.json');
    writeFileSync(wrong, '{"embedding": "tokens", "recurrent": "tokens", "output": "scores"}');
    await expect(readForeignModel({ ...request, vocab, mapping: wrong }, signal)).rejects.toThrow(
      /has no recurrent layer 'tokens'/,
    );
    writeFileSync(wrong, '{"embeding": "tokens"}');
    await expect(readForeignModel({ ...request, vocab, mapping: wrong }, signal)).rejects.toThrow(
      /wrong\.json: is not a mapping/,
    );
  });

  test.each([
    ['rnn.pt', undefined, /rnn\.pt: has an nn\.RNN, whose tensors do not tell .* in a --mapping file if it is tanh/],
    ['rnn.pt', 'relu', /rnn\.pt: its RNN is of the nonlinearity 'relu'; a language model here has tanh alone/],
    ['gru.pt', 'tanh', /gru\.pt: has no RNN, .* but a layer of kind gru; leave "nonlinearity" out/],
    ['rnn.pt', 'selu', /nonlinear\.json: is not a mapping/],
  ])('%s with the nonlinearity %s in its mapping', async (file, nonlinearity, message) => {
    const nonlinear = join(root.path, 'nonlinear.json');
    writeFileSync(nonlinear, JSON.stringify({ nonlinearity }));
    const request = { from: 'pytorch', file: join(committedFiles, file), mapping: nonlinear } as const;
    const vocab = join(committedFiles, 'words.txt');
    await expect(readForeignModel({ ...request, vocab }, new AbortController().signal)).rejects.toThrow(message);
  });

  test('a vocabulary of another size, with both sizes', async () => {
    const vocab = join(root.path, 'short.txt');
    writeFileSync(vocab, '<unk>\n<eos>\nthe\n');
    const request = { from: 'pytorch', file: join(committedFiles, 'gru.pt'), vocab } as const;
    await expect(readForeignModel(request, new AbortController().signal)).rejects.toThrow(
      /short\.txt: has 3 words, the embedding of .*gru\.pt 12 rows/,
    );
  });
});
