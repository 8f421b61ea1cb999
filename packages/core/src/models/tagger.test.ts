import { describe, expect, test } from 'vitest';
import { tagWords } from '../decoding/tagging.js';
import { viterbi } from '../decoding/viterbi.js';
import type { OnnxGraph } from '../onnx/graph.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { trace } from '../tracing/trace.js';
import { graphOfProgram } from './graph-of-program.js';
import { uniformParameters } from './initial-parameters.js';
import { lossGradientProgram } from './loss-program.js';
import {
  taggerEvaluationProgram,
  taggerLoss,
  taggerOutputProgram,
  taggerParameterShapes,
  taggerStepProgram,
} from './tagger.js';

const config = { vocabSize: 9, spellings: 3, embeddingDim: 4, hiddenDim: 5, tags: 4, dropout: 0 };
const shapes = taggerParameterShapes(config);
const parameters = uniformParameters(shapes, { seed: 4, range: 0.9 });
const sentences = [
  { ids: [1, 2, 3, 4, 5], spellings: [0, 1, 2, 0, 1], tags: [0, 1, 2, 2, 3] },
  { ids: [6, 7], spellings: [2, 2], tags: [3, 0] },
  { ids: [8], spellings: [1], tags: [1] },
];
type Sentence = (typeof sentences)[number];

/** The inputs of a batch, padded to `time` with `filler`. */
function inputsOf(batch: readonly Sentence[], time: number, filler = 0): Record<string, Values> {
  const padded = (name: keyof Sentence): Values => ({
    shape: [time, batch.length],
    values: Array.from({ length: time }, (_, t) => batch.map((sentence) => sentence[name][t] ?? filler)).flat(),
    dtype: 'int32',
  });
  return {
    ...{ ids: padded('ids'), spellings: padded('spellings'), tags: padded('tags') },
    lengths: { shape: [batch.length], values: batch.map(({ ids }) => ids.length), dtype: 'int32' },
    weights: { shape: [batch.length], values: batch.map(() => 1) },
  };
}

/** The loss and its gradients. */
function trained(batch: readonly Sentence[], time: number, filler = 0) {
  const { run, inputs } = lossGradientProgram(taggerLoss(config, { batch: batch.length, time }));
  const given = Object.entries(parameters).map(([name, values]) => [
    name,
    { shape: shapes[name]!, values: [...values] },
  ]);
  return runGraph(trace(run, inputs), { ...Object.fromEntries(given), ...inputsOf(batch, time, filler) });
}

const runnerOf =
  (graph: OnnxGraph) =>
  async (inputs: Readonly<Record<string, Float32Array | Int32Array>>): Promise<Record<string, Float32Array>> => {
    const given = graph.inputs.map(({ name, shape, dtype }) => [
      name,
      { shape: shape.map(Number), values: [...inputs[name]!], dtype },
    ]);
    const outputs = await runGraph(graph, Object.fromEntries(given));
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, Float32Array.from(values)]));
  };

describe('a tagger', () => {
  test('has the same loss and gradients whatever the padding of its batch, and of the sum of its sentences', async () => {
    const exact = await trained(sentences, 5);
    const padded = await trained(sentences, 8, 2);
    const alone = await Promise.all(sentences.map((sentence) => trained([sentence], sentence.ids.length)));
    expect(Object.keys(exact)).toContain('gradient.crf.transitions');
    for (const [name, values] of Object.entries(exact)) {
      expectClose(padded[name]!, values, 1e-5);
      const sum = values.map((_, k) => alone.reduce((total, each) => total + each[name]![k]!, 0));
      expectClose(values, sum, 1e-5);
    }
  });

  test('tags sentences of unequal lengths in one batch as it tags each one on a device, step by step', async () => {
    const [batch, time] = [sentences.length, 6];
    const graph = graphOfProgram(taggerEvaluationProgram(config, { batch, time }), shapes, parameters);
    const { ids, spellings, lengths } = inputsOf(sentences, time);
    const { emissions, ...scores } = await runGraph(graph, { ids: ids!, spellings: spellings!, lengths: lengths! });
    const crf = Object.fromEntries(
      Object.entries(scores).map(([name, values]) => [name, Float32Array.from(values)]),
    ) as {
      readonly [name in 'transitions' | 'start' | 'stop']: Float32Array;
    };
    const steps = {
      ...{ hiddenDim: config.hiddenDim, crf },
      step: runnerOf(graphOfProgram(taggerStepProgram(config), shapes, parameters)),
      output: runnerOf(graphOfProgram(taggerOutputProgram(config), shapes, parameters)),
    };
    const found = new Set<number>();
    for (const [lane, sentence] of sentences.entries()) {
      const own = sentence.ids.flatMap((_, t) =>
        emissions!.slice((t * batch + lane) * config.tags, (t * batch + lane + 1) * config.tags),
      );
      const tags = viterbi(Float32Array.from(own), crf);
      expect(await tagWords(steps, sentence)).toEqual(tags);
      for (const tag of tags) found.add(tag);
    }
    expect(found.size).toBeGreaterThan(1);
  });
});
