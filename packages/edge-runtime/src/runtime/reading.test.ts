// Compares models that take many tokens in a run with the same models read step by step by the runtime's own kernels.
import * as ortNode from 'onnxruntime-node';
import * as ortWeb from 'onnxruntime-web/wasm';
import { describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../loading/load-local.js';
import type { Quantization } from '../quantization/plan.js';
import { folderOf, sampleBundle } from '../testing/sample-bundle.js';
import { type ModelShape, randomReadingGraph, randomStepGraph } from '../testing/step-graph.js';
import type { OnnxRuntime } from './session.js';

ortWeb.env.wasm.numThreads = 1;
const runtimes: Readonly<Record<string, OnnxRuntime>> = { 'onnxruntime-node': ortNode, 'onnxruntime-web': ortWeb };

/** More words than fit into one run. */
const text = Array.from({ length: 300 }, (_, k) => `word${(k * k) % 395}`).join(' ');

/** The most nats by which a token's score may differ. */
const bounds = { none: 1e-5, int8: 1e-3, int4: 1e-3 } as const;

async function load(cell: 'mingru' | 'minlstm', scheme: Quantization, ort?: OnnxRuntime) {
  const graphOf = ort ? randomReadingGraph : randomStepGraph;
  const files = await sampleBundle(scheme, 'word', (shape: ModelShape) => graphOf({ ...shape, cell }));
  await using folder = await folderOf(files);
  return await loadLocalLanguageModel(folder.path, ort ? { ort } : {});
}

describe.each(['mingru', 'minlstm'] as const)('a %s', (cell) => {
  test.each(
    Object.keys(runtimes).flatMap((runtime) =>
      Object.entries(bounds).map(([scheme, bound]) => [runtime, scheme as keyof typeof bounds, bound] as const),
    ),
  )('in %s with %s weights scores a text as step by step, within %d nats a token', async (runtime, scheme, bound) => {
    await using steps = await load(cell, scheme);
    await using runs = await load(cell, scheme, runtimes[runtime]!);
    expect([steps.device.runtime, runs.device.runtime]).toEqual(['unroll', 'onnxruntime']);
    const [expected, actual] = [await steps.score(text), await runs.score(text)];
    expect(actual.tokens).toHaveLength(300);
    for (const [k, logProbability] of expected.tokenLogProbabilities.entries()) {
      expect(Math.abs(actual.tokenLogProbabilities[k]! - logProbability)).toBeLessThan(bound);
    }
  });

  test('writes the same as step by step, after a long prompt and after a saved state', async () => {
    await using steps = await load(cell, 'none');
    await using runs = await load(cell, 'none', ortNode);
    const written = async (model: typeof steps) => {
      const ids: number[] = [];
      const state = await model.read(text);
      for await (const { id } of model.generate(text, { maxTokens: 20, seed: 3 })) ids.push(id);
      for await (const { id } of model.generate(' the', { maxTokens: 20, temperature: 0, state })) ids.push(id);
      return ids;
    };
    expect(await written(runs)).toEqual(await written(steps));
  });
});

test('a model that takes one token at a time has no longer runs', async () => {
  const files = await sampleBundle('none', 'word', (shape) => randomStepGraph({ ...shape, cell: 'mingru' }));
  await using folder = await folderOf(files);
  await using model = await loadLocalLanguageModel(folder.path, { ort: ortNode });
  await using steps = await load('mingru', 'none');
  expect((await model.score(text)).logProbability).toBeCloseTo((await steps.score(text)).logProbability, 2);
});
