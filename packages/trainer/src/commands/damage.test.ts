// Behaviour when files are altered, cut off or do not belong together, and when the disk is full.

import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replaceChecksummedFolder } from '../checkpoint/checksums.js';
import { mountSmallDisk } from '../testing/small-disk.js';
import { unrollHere } from '../testing/unroll-here.js';
import { smallModel, temporaryFolder, unroll, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const checkpoint = join(root.path, 'checkpoint');
const bundle = join(root.path, 'bundle');

beforeAll(async () => {
  writeSmallCorpus(corpus);
  await unrollJson('train', '--data', corpus, '--out', checkpoint, ...smallModel, '--max-steps', '5');
  await unrollJson('export', '--checkpoint', checkpoint, '--out', bundle);
});
afterAll(() => root[Symbol.dispose]());

/** Returns a damaged copy of a folder. */
function damaged(folder: string, damage: (copy: string) => void): string {
  const copy = `${folder}-copy-${readdirSync(root.path).length}`;
  cpSync(folder, copy, { recursive: true });
  damage(copy);
  return copy;
}

function alterByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

/** The names of the checkpoint's own files, without the folders of its best and its kept models. */
function fileNames(): string[] {
  const entries = readdirSync(checkpoint, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Returns a copy of the checkpoint with changed contents of one file, and matching checksums. */
async function rewritten(name: string, change: (contents: string) => string): Promise<string> {
  const copy = damaged(checkpoint, () => {});
  const names = fileNames().filter((file) => file !== 'checksums.json');
  const files = Object.fromEntries(names.map((file) => [file, readFileSync(join(checkpoint, file)) as Uint8Array]));
  await replaceChecksummedFolder(copy, { ...files, [name]: change(files[name]!.toString()) });
  return copy;
}

async function expectRefusal(message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await unrollHere(...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^unroll: [^\n]+\n$/);
  expect(stderr).toMatch(message);
}

describe('a checkpoint is refused, by the name of the file,', () => {
  const evaluate = (folder: string) => ['eval', '--checkpoint', folder, '--data', corpus];

  test('with an altered byte', async () => {
    const copy = damaged(checkpoint, (folder) => alterByte(join(folder, 'model.safetensors')));
    await expectRefusal(/model\.safetensors: its checksum is not the one recorded/, ...evaluate(copy));
  });

  test('with a file that is cut off', async () => {
    const copy = damaged(checkpoint, (folder) => truncateSync(join(folder, 'model.safetensors'), 100));
    await expectRefusal(/model\.safetensors: its checksum is not the one recorded/, ...evaluate(copy));
  });

  test('with checksums that are cut off', async () => {
    const copy = damaged(checkpoint, (folder) => truncateSync(join(folder, 'checksums.json'), 20));
    await expectRefusal(/checksums\.json: is not a list of checksums; it was altered or cut off/, ...evaluate(copy));
  });

  test("with another model's tokenizer", async () => {
    const copy = await rewritten('tokenizer.json', (contents) => {
      const tokenizer = JSON.parse(contents);
      tokenizer.model.vocab.extraordinary = Object.keys(tokenizer.model.vocab).length;
      return JSON.stringify(tokenizer);
    });
    await expectRefusal(/tokenizer\.json: its vocabulary has \d+ tokens, the model's \d+/, ...evaluate(copy));
  });

  test('with a vocabulary that has nothing for unknown words', async () => {
    const copy = await rewritten('tokenizer.json', (contents) => contents.replace('"<unk>": 0', '"<nothing>": 0'));
    await expectRefusal(/tokenizer\.json: word tokenizer: the vocabulary lacks <unk>/, ...evaluate(copy));
  });

  test('with a configuration that was edited', async () => {
    const copy = await rewritten('config.json', (contents) => contents.replace('"hiddenDim": 16', '"hiddenDim": 32'));
    await expectRefusal(
      /model\.safetensors: tensor .* the configuration says .*was config\.json edited/,
      ...evaluate(copy),
    );
    const negative = await rewritten('config.json', (contents) => contents.replace('"layers": 1', '"layers": -1'));
    await expectRefusal(/config\.json: layers must be a positive integer, got -1/, ...evaluate(negative));
  });

  test('to be resumed, with an altered optimizer', async () => {
    const copy = damaged(checkpoint, (folder) => alterByte(join(folder, 'optimizer.safetensors')));
    await expectRefusal(/optimizer\.safetensors: its checksum/, 'train', '--data', corpus, '--out', copy, '--resume');
  });
});

describe('a bundle is refused, by the name of the file,', () => {
  const generate = (folder: string) => ['generate', '--bundle', folder, '--prompt', 'the', '--json'];

  test('with an altered byte', async () => {
    const copy = damaged(bundle, (folder) => alterByte(join(folder, 'model.onnx')));
    await expectRefusal(/model\.onnx: its SHA-256 is not the manifest's/, ...generate(copy));
  });

  test('with a file that is cut off', async () => {
    const copy = damaged(bundle, (folder) => truncateSync(join(folder, 'model.onnx'), 100));
    await expectRefusal(/model\.onnx: 100 bytes, the manifest says \d+/, ...generate(copy));
  });

  test('with a manifest that is cut off', async () => {
    const copy = damaged(bundle, (folder) => truncateSync(join(folder, 'manifest.json'), 50));
    await expectRefusal(/manifest\.json: is not JSON/, ...generate(copy));
  });
});

test('a full disk ends training in a line that says where the newest checkpoint is, and the last one stays whole', async ({
  skip,
}) => {
  const folder = join(root.path, 'disk');
  const size = fileNames().reduce((sum, name) => sum + readFileSync(join(checkpoint, name)).length, 0);
  // Room for one and a half checkpoints: the second cannot be written beside the first.
  using disk = mountSmallDisk(folder, 1.5 * size);
  if (!disk) skip('mounting a small disk is not permitted here');
  const out = join(folder, 'checkpoint');
  const { status, stdout, stderr } = await unroll('train', '--data', corpus, '--out', out, ...smallModel);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  const [line] = stderr.match(/^unroll: .*$/gm) ?? [];
  expect(line).toMatch(/checkpoint: cannot be written: no space left on device \(ENOSPC\); the files are in/);
  expect(readdirSync(folder)).toEqual(['checkpoint']);
  const saved = /the files are in (\S+),/.exec(line!)![1]!;
  const steps = [out, saved].map((place) => JSON.parse(readFileSync(join(place, 'training-state.json'), 'utf8')).step);
  expect(steps).toEqual([20, 40]);
  for (const place of [out, saved]) {
    expect(await unrollJson('eval', '--checkpoint', place, '--data', corpus)).toMatchObject({ split: 'test' });
  }
  rmSync(saved, { recursive: true });
});

test('results go into a mount point, and through a link into its target', async ({ skip }) => {
  const folder = join(root.path, 'volume');
  using disk = mountSmallDisk(folder, 1e7);
  if (!disk) skip('mounting a small disk is not permitted here');
  const linked = join(root.path, 'linked');
  symlinkSync(folder, linked);
  await unrollJson('train', '--data', corpus, ...smallModel, '--out', linked, '--max-steps', '5');
  expect(readdirSync(folder)).toContain('checksums.json');
});
