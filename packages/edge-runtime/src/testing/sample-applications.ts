/**
 * For tests of running bundles, not of their knowledge: a small bundle of every application, with seeded random
 * weights.
 */
import {
  elmoConfig,
  elmoParameterShapes,
  graphOfProgram,
  type OnnxGraph,
  type Program,
  type Shapes,
  uniformParameters,
} from '@unroll/core';
import {
  classifierParameterShapes,
  classifierStepProgram,
  decoderStepProgram,
  elmoStepProgram,
  elmoWordsProgram,
  encoderStepProgram,
  forecasterParameterShapes,
  forecastProgram,
  initialTranslationParameters,
  recognizerOutputProgram,
  recognizerParameterShapes,
  recognizerStepProgram,
  taggerOutputProgram,
  taggerParameterShapes,
  taggerStepProgram,
  translationParameterShapes,
} from '@unroll/core/internal';
import { spellings, trainTokenizer } from '@unroll/core/text';
import { buildApplication } from '../applications/build-application.js';

const tokenizer = trainTokenizer('word', 'the river runs past the mill and the wheel of the mill turns\n', {});
const { vocabSize } = tokenizer;
const graphs = (programs: Readonly<Record<string, Program>>, shapes: Shapes, parameters = drawn(shapes)) =>
  Object.fromEntries(
    Object.entries(programs).map(([name, program]) => [name, graphOfProgram(program, shapes, parameters)]),
  );
const drawn = (shapes: Shapes) => uniformParameters(shapes, { seed: 3, range: 0.6 });

const classifier = { vocabSize, embeddingDim: 8, hiddenDim: 12, classes: 2, dropout: 0 };
const words = ['<unk>', 'the', 'river', 'mill', 'wheel', 'runs'];
const tagger = {
  vocabSize: words.length,
  spellings: spellings.length,
  embeddingDim: 8,
  hiddenDim: 12,
  tags: 4,
  dropout: 0,
};
const translation = { vocabSize, embeddingDim: 12, hiddenDim: 12, dropout: 0 };
const recognizer = { sampleRate: 8000, hiddenDim: 10, classes: 4, dropout: 0 };
const forecaster = { series: 2, context: 8, horizon: 3, hiddenDim: 10, dropout: 0 };
const elmo = elmoConfig({
  ...{ maxCharacters: 10, characterDim: 4, convolutions: [{ width: 2, features: 6 }], highwayLayers: 1 },
  ...{ hiddenDim: 8, projectionDim: 4, cellClip: 0.3, projectionClip: 0.1 },
});
const detector = { series: 1, context: 6, horizon: 1, hiddenDim: 10, dropout: 0 };

interface Contents {
  readonly graphs: Readonly<Record<string, OnnxGraph>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The contents of each task's bundle, as the trainer fills it. */
const contents: Readonly<Record<string, Contents>> = {
  sentiment: {
    graphs: graphs({ step: classifierStepProgram(classifier) }, classifierParameterShapes(classifier)),
    config: { model: classifier, labels: ['negative', 'positive'], tokenizer: tokenizer.toJSON() },
  },
  tagging: {
    graphs: graphs(
      { step: taggerStepProgram(tagger), output: taggerOutputProgram(tagger) },
      taggerParameterShapes(tagger),
    ),
    config: { model: tagger, vocabulary: words, tags: ['B-PART', 'I-PART', 'B-PLACE', 'O'], crf: crfScores() },
  },
  translation: {
    graphs: graphs(
      { encoder: encoderStepProgram(translation), decoder: decoderStepProgram(translation) },
      translationParameterShapes(translation),
      translationParameters(),
    ),
    config: { model: translation, tokenizer: tokenizer.toJSON() },
  },
  speech: {
    graphs: graphs(
      { step: recognizerStepProgram(recognizer), output: recognizerOutputProgram(recognizer) },
      recognizerParameterShapes(recognizer),
    ),
    config: { model: recognizer, letters: 'alo', words: ['la', 'lo', 'all', 'ola'] },
  },
  forecast: {
    graphs: graphs({ forecast: forecastProgram(forecaster, 1) }, forecasterParameterShapes(forecaster)),
    config: { model: forecaster, names: ['load', 'temperature'], scale: { mean: [5, 20], deviation: [2, 4] } },
  },
  elmo: {
    graphs: graphs({ words: elmoWordsProgram(elmo, 8), step: elmoStepProgram(elmo, 1) }, elmoParameterShapes(elmo)),
    config: { model: { wordsPerRun: 8, maxCharacters: 10, projectionDim: 4, lstmLayers: 2, hiddenDim: 8 } },
  },
  anomaly: {
    graphs: graphs({ forecast: forecastProgram(detector, 1) }, forecasterParameterShapes(detector)),
    config: { model: detector, likelihood: { longWindow: 40, shortWindow: 3, smallestDeviation: 0.01 } },
  },
};

/** Makes the end of a sentence improbable, so that translations have words. */
function translationParameters() {
  const parameters = initialTranslationParameters(translation, 3);
  parameters['output.bias']![tokenizer.eosId] = -50;
  return parameters;
}

function crfScores(): Record<string, number[]> {
  const scores = Object.entries(drawn(taggerParameterShapes(tagger))).filter(([name]) => name.startsWith('crf.'));
  return Object.fromEntries(scores.map(([name, values]) => [name.slice('crf.'.length), [...values]]));
}

/**
 * Builds the files of one task's bundle.
 * @param changes fields of the configuration to replace
 */
export function sampleBundleOf(task: string, changes: object = {}): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { graphs, config } = contents[task]!;
  return buildApplication({ task, graphs, config: { ...config, ...changes }, scheme: 'int8-weights' });
}

/** Builds the files of all bundles, each under the name of its task: `speech/manifest.json`. */
export async function sampleApplications(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const task of Object.keys(contents)) {
    for (const [name, bytes] of await sampleBundleOf(task)) files.set(`${task}/${name}`, bytes);
  }
  return files;
}
