import { expect, test } from 'vitest';
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
const states = ['h.0', 'c.0', 'h.0_reverse', 'c.0_reverse'];

/** Frames of a tone that rises. */
const recording = (frames: number) =>
  Array.from({ length: frames }, (_, t) =>
    Array.from({ length: frameLength }, (_, k) => 0.3 * Math.sin((0.1 + 0.1 * t) * k)),
  );

async function stepwiseLogits(frames: readonly (readonly number[])[]): Promise<number[]> {
  const step = graphOfProgram(recognizerStepProgram(config), shapes, parameters);
  const output = graphOfProgram(recognizerOutputProgram(config), shapes, parameters);
  let state = states.map((): readonly number[] => Array<number>(config.hiddenDim).fill(0));
  const [forwards, backwards]: number[][][] = [[], []];
  for (const [t, frame] of frames.entries()) {
    const outputs = await runGraph(step, {
      frames: { shape: [2, frameLength], values: [...frame, ...frames.at(-1 - t)!] },
      ...Object.fromEntries(states.map((name, k) => [name, { shape: [1, config.hiddenDim], values: state[k]! }])),
    });
    state = states.map((name) => outputs[`next.${name}`]!);
    forwards!.push(outputs['features.0']!);
    backwards!.unshift(outputs['features.0_reverse']!);
  }
  const logits: number[] = [];
  for (const [t, features] of forwards!.entries()) {
    const values = [...features, ...backwards![t]!];
    logits.push(...(await runGraph(output, { features: { shape: [1, 2 * config.hiddenDim], values } })).logits!);
  }
  return logits;
}

test('recordings of unequal lengths in one batch are recognized as each is, step by step', async () => {
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
