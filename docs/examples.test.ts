// The JavaScript of the documents and of the examples that are programs, run by Node as a user would, on the built packages.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { codeBlocks, documents, root } from './code-blocks.js';

const execute = promisify(execFile);
const blocks = documents.flatMap(codeBlocks).filter(({ language }) => language === 'js');

test.each(blocks)('the example at $place runs', async ({ code }) => {
  // Inside the workspace, so that it finds the packages.
  const parent = join(root, '.cache');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'example-'));
  try {
    const file = join(folder, 'example.mjs');
    await writeFile(file, code);
    await execute(process.execPath, [file]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('examples/train-in-code learns its text', async () => {
  const { stdout } = await execute(process.execPath, [join(root, 'examples/train-in-code/train.mjs')]);
  expect(stdout).toContain("All the king's");
});

test('examples/compile-tensorflow-js trains as fit does', async () => {
  const { stdout } = await execute(process.execPath, [join(root, 'examples/compile-tensorflow-js/train.mjs')]);
  const [fitted, compiled] = [...stdout.matchAll(/loss (\S+) → (\S+),/g)];
  expect(compiled!.slice(1)).toEqual(fitted!.slice(1));
  expect(Number(compiled![2])).toBeLessThan(0.5);
});

test('examples/elmo tells the two senses of a word apart, and reads a word that it never saw', async () => {
  const { stdout } = await execute(process.execPath, [join(root, 'examples/elmo/senses.mjs')]);
  const nearest = [...stdout.matchAll(/nearest to: (.*)/g)].map(([, words]) => words);
  expect(nearest).toEqual(['vault, safe', 'beach, shore', expect.stringContaining('vault')]);
});
