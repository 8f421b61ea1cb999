// Elastic runs without worker 0, as real processes: another worker evaluates and writes the checkpoint.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCheckpoint } from '../checkpoint/checkpoint.js';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  type UnrollProcess,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (out: string) => join(root.path, out);
const flags = (out: string) => ['--data', corpus, '--out', at(out), ...smallModel, '--epochs', '3'];
const bytesOf = (out: string, file: string) => readFileSync(join(at(out), file));
const stateOf = (out: string) => JSON.parse(bytesOf(out, 'training-state.json').toString());

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

/** Starts a server that counts a worker as lost after five seconds, and can go on with one of two. */
async function startServer(): Promise<{ readonly server: UnrollProcess; readonly address: string }> {
  const elastic = ['--min-workers', '1', '--worker-timeout', '5', '--lease', '1'];
  const server = startUnroll('param-server', '--port', '0', '--workers', '2', ...elastic);
  let said = '';
  server.child.stderr!.on('data', (text: string) => {
    said += text;
  });
  await server.logged(/listens on/);
  return { server, address: /listens on (\S+)/.exec(said)![1]! };
}

function startWorker(out: string, worker: number, address: string): UnrollProcess {
  const place = ['--worker', `${worker}`, '--workers', '2', '--server-addresses', address];
  return startUnroll('worker', ...flags(out), ...place, '--json');
}

test('without a worker 0, worker 1 alone trains what one process does, to the bit', async () => {
  const { server, address } = await startServer();
  const outcome = await startWorker('alone', 1, address).outcome;
  expect(outcome).toMatchObject({ status: 0 });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ steps: 60 });
  expect(outcome.stderr).toMatch(/^epoch 3\/3, step 60: /m);
  expect(await server.outcome).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('worker 1 takes over the checkpoints from worker 0 before it initialised'),
  });
  await unrollJson('train', ...flags('one'), '--workers', '1');
  for (const file of ['model.safetensors', 'optimizer.safetensors', 'training-state.json', 'checksums.json']) {
    expect(bytesOf('alone', file), file).toEqual(bytesOf('one', file));
  }
});

test('a worker 0 that is killed for good is replaced: the checkpoint is whole and that of an undisturbed run', async () => {
  const { server, address } = await startServer();
  const [first, second] = [startWorker('taken-over', 0, address), startWorker('taken-over', 1, address)];
  await first.logged(/^epoch 1\//m);
  first.child.kill('SIGKILL');
  expect(await second.outcome).toMatchObject({ status: 0, stdout: expect.stringContaining('"steps":60') });
  expect(await server.outcome).toMatchObject({ status: 0 });
  await unrollJson('train', ...flags('undisturbed'), '--workers', '2');
  const [taken, expected] = [stateOf('taken-over'), stateOf('undisturbed')];
  expect(taken).toMatchObject({ step: 60, tokens: expected.tokens, texts: expected.texts });
  expect(taken.validation).toEqual(expected.validation.map((value: number) => expect.closeTo(value, 1)));
  // The assignment of lanes to workers changes the order of sums.
  const [{ parameters }, undisturbed] = await Promise.all([
    readCheckpoint(at('taken-over')),
    readCheckpoint(at('undisturbed')),
  ]);
  for (const [name, values] of Object.entries(undisturbed.parameters)) {
    const difference = Math.max(...values.map((value, k) => Math.abs(value - parameters[name]![k]!)));
    expect(difference, name).toBeLessThan(1e-4);
  }
});
