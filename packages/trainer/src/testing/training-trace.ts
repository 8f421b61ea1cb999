/** For tests: a few steps of a tiny model on an engine, as numbers to compare with another engine's. */
import {
  initialParameters,
  languageModelConfig,
  type OptimizerConfig,
  type Precision,
  parameterShapes,
  slotShapes,
  stateShapes,
  trainingProgram,
} from '@unroll/core';
import { dropoutWidths, type LanguageModelCell } from '@unroll/core/config';
import { fillDropoutMask, lossScalingShapes, mixedTrainingProgram } from '@unroll/core/internal';
import { type Engine, residentValues, runMany, zeros } from '../engines/engine.js';

export interface TinyTraining {
  readonly cell: LanguageModelCell;
  readonly optimizer: OptimizerConfig;
  readonly tieWeights?: boolean;
  readonly projectionDim?: number;
  readonly precision?: Precision;
  /** Tokens of each sequence in a step. Default: 4. */
  readonly time?: number;
  /** Number of steps per call, out of four. Default: 1. */
  readonly stepsAtOnce?: number;
}

const steps = 4;
const batch = 3;
const dropout = 0.3;
const clipNorm = 0.5;

/** Returns the losses of the steps' tokens, the gradients' norms, and the final parameters. */
export async function trainTinyModel(
  engine: Engine,
  { cell, optimizer, tieWeights = false, projectionDim, precision, time = 4, stepsAtOnce = 1 }: TinyTraining,
) {
  const rows = batch * time;
  const config = languageModelConfig({
    ...{ cell, tieWeights, projectionDim, dropout, layers: 2, vocabSize: 30, hiddenDim: 8 },
    embeddingDim: tieWeights ? 8 : 6,
  });
  const shapes = parameterShapes(config);
  const parameters = engine.allocate(residentValues(shapes, initialParameters(config, { seed: 3 })));
  const slots = engine.allocate(zeros({ ...slotShapes(optimizer, shapes), ...lossScalingShapes }));
  const state = engine.allocate(zeros(stateShapes(config, batch)));
  const program = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const executable = await engine.compile(program(config, { batch, time }, { optimizer, clipNorm }), [
    parameters,
    slots,
    state,
  ]);
  const losses: number[] = [];
  const norms: number[] = [];
  const inputsOf = (step: number) => {
    const ids = Int32Array.from({ length: rows }, (_, k) => (7 * k + step) % config.vocabSize);
    return {
      ids,
      targets: ids.map((id) => (id + 1) % config.vocabSize),
      lossWeights: new Float32Array(rows).fill(1 / rows),
      learningRate: Float32Array.of(optimizer.name === 'sgd' || optimizer.name === 'momentum' ? 0.5 : 0.01),
      step: Float32Array.of(step + 1),
      ...dropoutMasks(dropoutWidths(config), time, step),
    };
  };
  for (let step = 0; step < steps; step += stepsAtOnce) {
    for (const { tokenLosses, gradientNorm } of await runMany(executable, stepsAtOnce, (k) => inputsOf(step + k))) {
      losses.push(...tokenLosses!);
      norms.push(...gradientNorm!);
    }
  }
  const trained: number[] = [];
  for (const name of parameters.names) trained.push(...(await parameters.read(name)));
  await executable.dispose();
  for (const residents of [parameters, slots, state]) residents.dispose();
  return { losses, norms, trained };
}

function dropoutMasks(widths: readonly number[], time: number, step: number): Record<string, Float32Array> {
  return Object.fromEntries(
    widths.map((width, site) => {
      const mask = new Float32Array(batch * time * width);
      fillDropoutMask(mask, { rate: dropout, seed: 1, step, site, firstLane: 0, lanes: batch, time, width });
      return [`dropout.${site}`, mask];
    }),
  );
}

/** Returns the largest difference between corresponding numbers of two trainings. */
export function largestDifference(
  a: Readonly<Record<string, readonly number[]>>,
  b: Readonly<Record<string, readonly number[]>>,
): number {
  const differences = Object.entries(a).flatMap(([name, values]) =>
    values.map((value, k) => Math.abs(value - (b[name]?.[k] ?? Number.NaN))),
  );
  return Math.max(...differences);
}
