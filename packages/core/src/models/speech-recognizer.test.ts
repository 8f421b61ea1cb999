import { expect, test } from 'vitest';
import { recognizeFrames } from '../decoding/recognition.js';
import type { OnnxGraph } from '../onnx/graph.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { graphOfProgram } from './graph-of-program.js';
import { uniformParameters } from './initial-parameters.js';
import {
  recognitionProgram,
  recognizerFrames,
  recognizerOutputProgram,
  recognizerParameterShapes,
  recognizerStepProgram,
} from './speech-recognizer.js';

const config = { sampleRate: 8000, hiddenDim: 5, classes: 4, dropout: 0 };
const { frameLength } = recognizerFrames(config);
const shapes = recognizerParameterShapes(config);
const parameters = uniformParameters(shapes, { seed: 1, range: 0.4 });

/** Frames of a rising tone. */
const recording = (frames: number) =>
  Array.from({ length: frames }, (_, t) =>
    Array.from({ length: frameLength }, (_, k) => 0.3 * Math.sin((0.1 + 0.1 * t) * k)),
  );

/** The logits that a device computes, one step at a time. */
function stepwiseLogits(frames: readonly (readonly number[])[]): Promise<Float32Array> {
  const step = graphOfProgram(recognizerStepProgram(config), shapes, parameters);
  const output = graphOfProgram(recognizerOutputProgram(config), shapes, parameters);
  const runnerOf = (graph: OnnxGraph) => async (inputs: Readonly<Record<string, Float32Array>>) => {
    const given = graph.inputs.map(({ name, shape }) => [
      name,
      { shape: shape.map(Number), values: [...inputs[name]!] },
    ]);
    const outputs = await runGraph(graph, Object.fromEntries(given));
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, Float32Array.from(values)]));
  };
  const steps = { hiddenDim: config.hiddenDim, step: runnerOf(step), output: runnerOf(output) };
  return recognizeFrames(steps, Float32Array.from(frames.flat()), frameLength);
}

test('recordings of unequal lengths in one batch are recognized like each one alone, step by step', async () => {
  const [batch, time] = [2, 5];
  const recordings = [recording(5), recording(3)];
  const silence = Array<number>(frameLength).fill(0);
  const frames = Array.from({ length: time }, (_, t) => recordings.map((own) => own[t] ?? silence)).flat(2);
  const graph = graphOfProgram(recognitionProgram(config, { batch, time }), shapes, parameters);
  const { logits } = await runGraph(graph, {
    frames: { shape: [time * batch, frameLength], values: frames },
    lengths: { shape: [batch], values: [5, 3], dtype: 'int32' },
  });
  for (const [lane, own] of recordings.entries()) {
    const expected = await stepwiseLogits(own);
    const actual = own.flatMap((_, t) =>
      logits!.slice((t * batch + lane) * config.classes, (t * batch + lane + 1) * config.classes),
    );
    expect(actual).toHaveLength(expected.length);
    expected.forEach((value, k) => {
      expect(actual[k]).toBeCloseTo(value, 4);
    });
  }
});
