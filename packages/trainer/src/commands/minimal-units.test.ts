// Language models of minGRUs and minLSTMs in every kind of training, and as bundles, in real processes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOnnx } from '@unroll/core/onnx';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smallModel, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
const corpus = at('corpus');
beforeAll(() => {
  writeSmallCorpus(corpus);
});
afterAll(() => root[Symbol.dispose]());

describe.each(['mingru', 'minlstm'])('a model of two layers of %s', (cell) => {
  const model = ['--cell', cell, '--layers', '2', ...smallModel, '--embedding-dim', '16', '--tie-weights'];
  const dropped = ['--dropout', '0.2', '--variational-dropout', '--embedding-dropout', '0.1'];
  const train = (out: string, ...flags: string[]) =>
    unrollJson('train', '--data', corpus, '--out', at(`${cell}-${out}`), ...model, ...flags);

  test('resumes to the bits of a run that was never stopped, with every dropout that it can have', async () => {
    const whole = await train('whole', ...dropped, '--max-steps', '30');
    await train('halves', ...dropped, '--max-steps', '15');
    const resumed = await train('halves', ...dropped, '--max-steps', '30', '--resume');
    expect(resumed.validPerplexity).toBe(whole.validPerplexity);
    const weights = (out: string) => readFileSync(join(at(`${cell}-${out}`), 'model.safetensors'));
    expect(weights('halves').equals(weights('whole'))).toBe(true);
  });

  test('of two workers is that of one process, to rounding', async () => {
    const alone = await train('alone', '--max-steps', '10');
    const both = await train('both', '--max-steps', '10', '--workers', '2', '--servers', '2');
    expect(both.validPerplexity as number).toBeCloseTo(alone.validPerplexity as number, 3);
  });

  test('exported for ONNX Runtime holds linear attention, and scores and writes as the one for WebAssembly', async () => {
    await train('trained', '--epochs', '2');
    const bundle = (target: string) => at(`${cell}-for-${target}`);
    const results: Record<string, unknown>[] = [];
    for (const target of ['wasm', 'node']) {
      const flags = ['--checkpoint', at(`${cell}-trained`), '--out', bundle(target), '--target', target];
      results.push(await unrollJson('export', ...flags, '--quantization', 'none', '--data', corpus));
    }
    const [wasm, node] = results.map(({ measured }) => (measured as { perplexity: number }).perplexity);
    expect(Math.abs(wasm! - node!)).toBeLessThan(1e-4);
    const operators = (target: string) =>
      decodeOnnx(readFileSync(join(bundle(target), 'model.onnx'))).nodes.map(({ opType }) => opType);
    expect(operators('node').filter((opType) => opType === 'LinearAttention')).toHaveLength(2);
    expect(operators('wasm')).not.toContain('LinearAttention');
    const generate = (target: string) =>
      unrollJson('generate', '--bundle', bundle(target), '--prompt', 'the dog sees anna', '--max-tokens', '12');
    expect((await generate('node')).text).toBe((await generate('wasm')).text);
  });
});
