/**
 * Evaluates a model that learns from the text as it reads; core's `dynamic-evaluation.ts` has the formulas. With `rms`,
 * the usual size of gradients is first measured on the training text.
 */
import { type LanguageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import {
  dynamicEvaluationProgram,
  dynamicRates,
  offsetShapes,
  rateShapes,
  squaredGradientProgram,
  squareShapes,
} from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import { option } from '../configuration/option-names.js';
import { type Batch, LaneBatches } from '../data/batches.js';
import type { TokenIds } from '../data/token-ids.js';
import { type Engine, type Residents, residentValues, zeros } from '../engines/engine.js';
import { UnrollError } from '../errors.js';
import type { DynamicSettings } from './adaptation.js';
import { Evaluator, inputsOf } from './evaluate.js';
import type { NeuralCache } from './neural-cache.js';

/** Number of sequences in a batch for gradient statistics, as in the authors' code: the scale of `rms` depends on it. */
const statisticsLanes = 100;
/** Enough to estimate the scale of gradients: 100,000 tokens, spread over the text, in segments of five. */
const mostStatisticsBatches = 200;

/**
 * Creates an evaluator that adapts the model.
 * @param meanSquares of the gradients, from {@link meanSquaredGradients}; not needed for `sgd`
 */
export function createDynamicEvaluator(
  engine: Engine,
  config: LanguageModelConfig,
  parameters: Residents,
  settings: DynamicSettings,
  meanSquares: Arrays,
  cache?: NeuralCache,
): Evaluator {
  const { rule, segment } = settings;
  const shapes = rateShapes(config, rule);
  const rates = engine.allocate(residentValues(shapes, dynamicRates(config, settings, meanSquares)));
  const state = engine.allocate(zeros({ ...stateShapes(config, 1), ...offsetShapes(config) }));
  const program = dynamicEvaluationProgram(config, segment, rule);
  return new Evaluator(engine, { program, window: segment, constants: [parameters, rates], state, cache });
}

/** Batches for gradient statistics, spread over the training text. */
export interface StatisticsBatches {
  readonly lanes: number;
  readonly count: number;
  readonly batchAt: (k: number) => Batch;
}

/**
 * Selects the batches.
 * @throws UnrollError if the text is too short
 */
export function statisticsBatches(train: TokenIds, segment: number): StatisticsBatches {
  const lanes = Math.min(statisticsLanes, Math.floor((train.length - 1) / segment));
  if (lanes < 1) {
    throw new UnrollError(
      `${option('dynamic')}: the training text is too short to measure gradients on; use ${option('dynamic')} sgd`,
    );
  }
  const batches = new LaneBatches(train, { lanes, window: segment });
  return {
    lanes,
    count: Math.min(mostStatisticsBatches, batches.stepsPerEpoch),
    batchAt: (k) => batches.batchAt(k),
  };
}

/**
 * Returns the mean of the squared gradients, by parameter: MS_g of Krause et al. (2018). As in the authors' code, it is
 * a mean over batches instead of sequences. Yields the number of completed batches.
 */
export async function* meanSquaredGradients(
  engine: Engine,
  config: LanguageModelConfig,
  parameters: Residents,
  { lanes, count, batchAt }: StatisticsBatches,
  segment: number,
): AsyncGenerator<number, Arrays, undefined> {
  const sums = engine.allocate(zeros({ ...squareShapes(config), ...stateShapes(config, lanes) }));
  const program = squaredGradientProgram(config, { batch: lanes, time: segment });
  const executable = await engine.compile(program, [parameters, sums]);
  try {
    for (let done = 0; done < count; done++) {
      await executable.run(inputsOf(batchAt(done), segment));
      yield done + 1;
    }
    const means: Arrays = {};
    for (const name of Object.keys(parameterShapes(config))) {
      means[name] = (await sums.read(`squares/${name}`)).map((sum) => sum / count);
    }
    return means;
  } finally {
    await executable.dispose();
    sums.dispose();
  }
}
