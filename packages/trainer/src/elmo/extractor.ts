/** Runs ELMo's programs on an engine, as the steps with which sentences are read. */
import { type ElmoConfig, elmoStateShapes } from '@unroll/core';
import type { ElmoSteps } from '@unroll/core/decoding';
import { elmoStepProgram, elmoWordsProgram } from '@unroll/core/internal';
import { elementCount, nextOf } from '@unroll/core/onnx';
import { type Engine, residentValues, zeros } from '../engines/engine.js';
import { disposeAll, readAll } from '../engines/residents.js';
import type { ElmoCheckpoint } from './elmo-checkpoint.js';

/** The number of words whose vectors are computed in one run. */
export const wordsPerRun = 8;

/** The needs of `elmoFeatures` besides the functions that run the graphs. */
export function elmoSizes({ maxCharacters, projectionDim }: ElmoConfig) {
  return { wordsPerRun, maxCharacters, projectionDim, lstmLayers: 2 };
}

/**
 * Opens a checkpoint's model.
 * @param lanes the number of sentences that are read at the same time
 */
export async function openExtractor(
  { config, parameters }: ElmoCheckpoint,
  engine: Engine,
  lanes: number,
): Promise<ElmoSteps & AsyncDisposable> {
  const [words, step] = [elmoWordsProgram(config, wordsPerRun), elmoStepProgram(config, lanes)];
  const shapesIn = ({ inputs }: typeof words) =>
    Object.fromEntries(
      Object.entries(inputs).flatMap(([name, { shape }]) => (name in parameters ? [[name, shape]] : [])),
    );
  const residents = [words, step].map((program) => engine.allocate(residentValues(shapesIn(program), parameters)));
  const shapes = elmoStateShapes(config, lanes);
  const states = engine.allocate(zeros(shapes));
  const wordVectors = await engine.compile(words, [residents[0]!]);
  const reading = await engine.compile(step, [residents[1]!, states]);
  return {
    ...elmoSizes(config),
    lanes,
    words: (inputs) => wordVectors.run(inputs),
    async step({ forward, backward, ...before }) {
      for (const [name, values] of Object.entries(before)) states.write(name, values as Float32Array);
      const outputs = await reading.run({ forward: forward!, backward: backward! });
      const after = Object.entries(await readAll(states)).map(([name, values]) => [nextOf(name), values] as const);
      return { ...outputs, ...Object.fromEntries(after) };
    },
    zeroState: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, new Float32Array(elementCount(shape))]),
    ),
    async [Symbol.asyncDispose]() {
      await disposeAll(wordVectors, residents);
      await disposeAll(reading, [states]);
    },
  };
}
