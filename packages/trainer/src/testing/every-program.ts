/** For tests: one small program of every kind that engines run, with values for its inputs, and its results. */
import {
  type BatchShape,
  classifierLoss,
  decodingProgram,
  defaultOptimizer,
  elmoConfig,
  elmoFeaturesProgram,
  elmoLoss,
  evaluationProgram,
  forecasterLoss,
  gradientProgram,
  type LanguageModelConfig,
  type LossFunction,
  languageModelConfig,
  lossTrainingProgram,
  type Program,
  parameterShapes,
  recognizerLoss,
  taggerLoss,
  trainingProgram,
  translationLoss,
} from '@unroll/core';
import { dynamicRules, elementCount, languageModelCells, optimizerNames, softmaxTails } from '@unroll/core/config';
import { seededRandom } from '@unroll/core/decoding';
import {
  accumulatedUpdateProgram,
  accumulationProgram,
  classifierEvaluationProgram,
  decoderStepProgram,
  dynamicEvaluationProgram,
  encoderStepProgram,
  forecastProgram,
  neuralCacheProgram,
  noFollower,
  positionsOfTails,
  recognitionProgram,
  rowGradientProgram,
  squaredGradientProgram,
  taggerEvaluationProgram,
  translationEvaluationProgram,
} from '@unroll/core/internal';
import type { Engine } from '../engines/engine.js';

export interface ProgramWithInputs {
  readonly program: Program;
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>;
}

const [batch, time, vocabSize] = [2, 5, 12];
const batchShape: BatchShape = { batch, time };
const sgd = { optimizer: defaultOptimizer('sgd'), clipNorm: 1 };

type ModelOptions = Partial<LanguageModelConfig>;

function model(options: ModelOptions): LanguageModelConfig {
  return languageModelConfig({ vocabSize, embeddingDim: 4, hiddenDim: 6, layers: 2, dropout: 0.3, ...options });
}

const adaptive = { softmax: { name: 'adaptive', cutoffs: [4, 8] } } as const;

const blocks: ModelOptions = {
  cell: 'rwkv7',
  embeddingDim: 6,
  headSize: 3,
  decayRank: 2,
  rateRank: 2,
  valueRank: 2,
  gateRank: 2,
};

/** Every cell, and every option that affects the computation of a training step. */
const models: Readonly<Record<string, ModelOptions>> = {
  ...Object.fromEntries(languageModelCells.map((cell) => [cell, cell === 'rwkv7' ? blocks : { cell }])),
  'lstm, projected': { projectionDim: 3 },
  'lstm with two biases': { recurrentBias: true },
  'gru with tied weights': { cell: 'gru', tieWeights: true, embeddingDim: 6 },
  'lstm with dropout of words and weights': {
    ...{ variationalDropout: true, embeddingDropout: 0.2, weightDropout: 0.2 },
  },
  'lstm with smoothed labels': { labelSmoothing: 0.1 },
  'lstm with a sampled softmax': { softmax: { name: 'sampled', samples: 4 } },
  'lstm with an adaptive softmax': adaptive,
};

/** Returns the programs of language models, by their names. */
export function languageModelPrograms(): Record<string, ProgramWithInputs> {
  const programs: Record<string, ProgramWithInputs> = {};
  const add = (name: string, config: LanguageModelConfig, program: Program) => {
    programs[name] = { program, inputs: valuesOf(program, tokens(config, program)) };
  };
  for (const [name, options] of Object.entries(models)) {
    const config = model(options);
    add(`training of ${name}`, config, trainingProgram(config, batchShape, sgd));
    add(`evaluation of ${name}`, config, evaluationProgram(config, batchShape));
  }
  const config = model({});
  for (const optimizer of optimizerNames.map(defaultOptimizer)) {
    const recipe = { optimizer, clipNorm: 0.1 };
    add(`training by ${optimizer.name}`, config, trainingProgram(config, batchShape, recipe));
  }
  const averaged = { optimizer: defaultOptimizer('nt-asgd'), clipNorm: 1 };
  for (const [name, recipe] of Object.entries({ sgd, averaged })) {
    add(
      `accumulation, ${name}`,
      config,
      accumulationProgram(parameterShapes(config), gradientProgram(config, batchShape), recipe),
    );
    add(`the accumulated update, ${name}`, config, accumulatedUpdateProgram(parameterShapes(config), recipe));
  }
  const recomputed = { ...batchShape, recomputeEvery: 2 };
  add('recomputed training', config, trainingProgram(config, recomputed, sgd));
  add('gradients', config, gradientProgram(config, batchShape));
  add('gradients of rows', config, rowGradientProgram(config, batchShape));
  add('decoding', config, decodingProgram(config));
  add('decoding with an adaptive softmax', model(adaptive), decodingProgram(model(adaptive)));
  for (const rule of dynamicRules) {
    add(`dynamic evaluation by ${rule}`, config, dynamicEvaluationProgram(config, time, rule));
  }
  add('squared gradients', config, squaredGradientProgram(config, batchShape));
  const cache = neuralCacheProgram({ size: 3, width: 6, time }, 0.3);
  const followers = Int32Array.of(noFollower, 2, 3, 2, 5, 3, 3, 1);
  programs['neural cache'] = { program: cache, inputs: valuesOf(cache, { followers }) };
  return programs;
}

/** Returns the training step and the other programs of each task, and of ELMo. */
export function taskPrograms(): Record<string, ProgramWithInputs> {
  const pairs = { batch, source: 4, target: time };
  const classifier = { vocabSize, embeddingDim: 4, hiddenDim: 3, classes: 2, dropout: 0.3 };
  const forecaster = { series: 2, context: 6, horizon: 3, hiddenDim: 4, dropout: 0.3 };
  const recognizer = { sampleRate: 8000, hiddenDim: 3, classes: 5, dropout: 0.3 };
  const tagger = { vocabSize, spellings: 3, embeddingDim: 4, hiddenDim: 3, tags: 4, dropout: 0.3 };
  const translation = { vocabSize, embeddingDim: 4, hiddenDim: 3, dropout: 0.3 };
  const elmo = elmoConfig({
    ...{
      vocabSize,
      characters: 9,
      maxCharacters: 4,
      characterDim: 3,
      hiddenDim: 4,
      projectionDim: 3,
      highwayLayers: 1,
    },
    convolutions: [
      { width: 1, features: 2 },
      { width: 3, features: 3 },
    ],
  });
  const lengths = Int32Array.of(time, 3);
  const step = (loss: LossFunction) => lossTrainingProgram(loss, { optimizer: defaultOptimizer('adam'), clipNorm: 1 });
  const ids = idsBelow(vocabSize, time * batch);
  const spelled = { characters: idsBelow(9, batch * time * 4), lengths, words: idsBelow(vocabSize, batch * time) };
  const recorded = {
    lengths,
    letters: Int32Array.of(1, 2, 3, 0),
    letterCounts: Int32Array.of(2, 1),
  };
  const translated = {
    source: idsBelow(vocabSize, pairs.source * batch),
    sourceLengths: Int32Array.of(pairs.source, 2),
    ...{ previous: ids, targets: ids },
  };
  const sentences = { ids, lengths, spellings: idsBelow(3, time * batch), tags: idsBelow(4, time * batch) };
  const reviews = { ids, lengths, labels: Int32Array.of(1, 0) };
  const programs: Record<string, [Program, Record<string, Int32Array>]> = {
    'training of sentiment': [step(classifierLoss(classifier, batchShape)), reviews],
    'evaluation of sentiment': [classifierEvaluationProgram(classifier, batchShape), reviews],
    'training of forecast and anomaly': [step(forecasterLoss(forecaster, batch)), {}],
    'evaluation of forecast and anomaly': [forecastProgram(forecaster, batch), {}],
    'training of speech': [step(recognizerLoss(recognizer, { batch, time, letters: 2 })), recorded],
    'evaluation of speech': [recognitionProgram(recognizer, batchShape), recorded],
    'training of tagging': [step(taggerLoss(tagger, batchShape)), sentences],
    'evaluation of tagging': [taggerEvaluationProgram(tagger, batchShape), sentences],
    'training of translation': [step(translationLoss(translation, pairs)), translated],
    'evaluation of translation': [translationEvaluationProgram(translation, pairs), translated],
    'encoder of translation': [encoderStepProgram(translation), { ids: Int32Array.of(3, 7) }],
    'decoder of translation': [decoderStepProgram(translation), { ids: Int32Array.of(3) }],
    'training of ELMo': [step(elmoLoss(elmo, batchShape)), spelled],
    'features of ELMo': [elmoFeaturesProgram(elmo, batchShape), spelled],
  };
  return Object.fromEntries(
    Object.entries(programs).map(([name, [program, integers]]) => [
      name,
      { program, inputs: valuesOf(program, integers) },
    ]),
  );
}

/** Runs a program once, with all float inputs resident. Returns its outputs and the residents' final values. */
export async function runOnce(
  engine: Engine,
  { program, inputs }: ProgramWithInputs,
): Promise<Record<string, readonly number[]>> {
  const floats = Object.entries(inputs).filter(([, values]) => values instanceof Float32Array);
  const residents = engine.allocate(
    Object.fromEntries(
      floats.map(([name, values]) => [name, { shape: program.inputs[name]!.shape, values: Float32Array.from(values) }]),
    ),
  );
  const executable = await engine.compile(program, [residents]);
  const results: Record<string, readonly number[]> = {};
  for (const [name, values] of Object.entries(await executable.run(inputs))) results[name] = [...values];
  for (const name of residents.names) results[name] = [...(await residents.read(name))];
  await executable.dispose();
  residents.dispose();
  return results;
}

/** Returns the integer inputs of a language model's program. */
function tokens(config: LanguageModelConfig, { inputs }: Program): Record<string, Int32Array> {
  const rows = elementCount(inputs.targets?.shape ?? []);
  const targets = idsBelow(vocabSize, rows);
  const integers: Record<string, Int32Array> = { targets, candidates: Int32Array.of(0, 2, 3, 7) };
  if (inputs.ids) integers.ids = idsBelow(vocabSize, elementCount(inputs.ids.shape));
  for (const [name, positions] of Object.entries(positionsOfTails(softmaxTails(config), targets))) {
    integers[name] = new Int32Array(rows).fill(-1);
    integers[name].set(positions);
  }
  return integers;
}

function idsBelow(bound: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, k) => (7 * k + 3) % bound);
}

/** Returns values for all inputs: the given integers, and random numbers from a fixed seed. */
function valuesOf({ inputs }: Program, integers: Readonly<Record<string, Int32Array>>): ProgramWithInputs['inputs'] {
  const random = seededRandom(5);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => {
      if (dtype === 'int32') return [name, integers[name]!];
      return [name, new Float32Array(elementCount(shape)).map(() => numberFor(name, random()))];
    }),
  );
}

/**
 * Returns a value that suits the input of this name.
 * @param drawn a random number in [0, 1)
 */
function numberFor(name: string, drawn: number): number {
  if (name === 'step') return 3;
  if (name === 'learningRate' || name === 'averagingWeight') return 0.1;
  if (/dropout/i.test(name)) return drawn < 0.3 ? 0 : 1 / 0.7;
  // Slots, sums and rates. Some are means of squares, so they must be positive.
  if (name.includes('/')) return 0.1 + 0.1 * drawn;
  return name.toLowerCase().includes('weights') ? 0.1 : drawn - 0.5;
}
