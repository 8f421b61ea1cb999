/** `--task speech`: recognizes the word in a recording letter by letter, with a bidirectional LSTM trained with CTC. */
import {
  defaultOptimizer,
  graphOfProgram,
  recognizerLoss,
  type SpeechRecognizerConfig,
  uniformParameters,
} from '@unroll/core';
import { ctcGreedyLabels, ctcLogProbability } from '@unroll/core/decoding';
import {
  frameCount,
  framesOf,
  levelled,
  recognitionProgram,
  recognizerFrames,
  recognizerOutputProgram,
  recognizerParameterShapes,
  recognizerStepProgram,
  trainableLoss,
} from '@unroll/core/internal';
import { z } from 'zod';
import { UnrollError } from '../../errors.js';
import { fingerprintOf } from '../data-fingerprint.js';
import { dropoutMasks } from '../dropout-masks.js';
import { batchesByStep } from '../epochs.js';
import { type DealtBatch, exampleBatches, weightsInMean } from '../example-batches.js';
import { epochBatches, paddedLength, sortedBatches } from '../length-buckets.js';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { HeldOutData, Metrics, Programs, Task, TaskModel, TaskSettings, TrainingData } from '../task.js';
import { readUtterances, SAMPLE } from './recordings.js';
import type { Utterance } from './utterance.js';
import { letterErrorRate, type Transcription, wordErrorRate } from './word-errors.js';

const count = z.int().positive();

const configSchema = z.object({
  model: z.strictObject({
    sampleRate: count,
    hiddenDim: count,
    classes: count,
    dropout: z.number().min(0).lt(1),
  }),
  /** The letters of classes 1, 2, …; class 0 is the blank. */
  letters: z.string(),
  /** The words that the model was trained on. */
  words: z.array(z.string()),
});

type SpeechConfig = z.infer<typeof configSchema>;

/** Batches are padded to a multiple of this many frames. */
const bucketFrames = 16;
const evaluationBatch = 32;

export const speech: Task = {
  name: 'speech',
  data: `a folder of recordings named {digit}_{speaker}_{index}.wav, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { hiddenDim: 128, dropout: 0.5 },
    batchSize: 32,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.003,
    schedule: everyEpoch(0.93),
    clipNorm: 1,
    epochs: 30,
  }),
  selection: { metric: 'wer', better: 'lower' },
  configure: async (data, { model }) => {
    const utterances = await readUtterances(data, 'train');
    const words = [...new Set(utterances.map(({ transcript }) => transcript))].toSorted();
    const letters = [...new Set(words.flatMap((word) => [...word]))].toSorted().join('');
    return {
      model: {
        sampleRate: utterances[0]!.sampleRate,
        hiddenDim: model.hiddenDim!,
        classes: letters.length + 1,
        dropout: model.dropout!,
      },
      letters,
      words,
    } satisfies SpeechConfig;
  },
  model: (config) => speechModel(parseConfig(configSchema, config)),
};

function speechModel(config: SpeechConfig): TaskModel {
  const { model } = config;
  const shapes = recognizerParameterShapes(model);
  return {
    trainable: trainableLoss(shapes, ({ batch, time, letters }) =>
      recognizerLoss(model, { batch: batch!, time: time!, letters: letters! }),
    ),
    initialParameters: (seed) => uniformParameters(shapes, { seed, range: 1 / Math.sqrt(model.hiddenDim) }),
    trainingData: async (data, settings) => {
      const utterances = await readUtterances(data, 'train');
      assertTrainable(config, utterances, data);
      return trainingData(config, utterances, settings);
    },
    heldOutData: async (data, split) => {
      const utterances = await readUtterances(data, split);
      assertRate(config, utterances, data);
      return heldOutData(config, utterances);
    },
    bundle: (parameters) => ({
      graphs: {
        step: graphOfProgram(recognizerStepProgram(model), shapes, parameters),
        output: graphOfProgram(recognizerOutputProgram(model), shapes, parameters),
      },
      config: { ...config },
    }),
  };
}

/**
 * Checks that the model can be trained on these recordings.
 * @throws UnrollError if a recording has fewer frames than its letters need, or letters that the model does not know
 */
function assertTrainable(config: SpeechConfig, utterances: readonly Utterance[], data: string): void {
  assertRate(config, utterances, data);
  for (const utterance of utterances) {
    const { transcript } = utterance;
    const unknown = [...transcript].find((letter) => !config.letters.includes(letter));
    if (unknown) throw new UnrollError(`${data}: '${transcript}' has the letter '${unknown}', which the model lacks`);
    const doubled = [...transcript].filter((letter, k) => letter === transcript[k - 1]).length;
    const frames = framesIn(config.model, utterance);
    if (frames < transcript.length + doubled) {
      throw new UnrollError(`${data}: a recording of '${transcript}' has ${frames} frames, too few for its letters`);
    }
  }
}

function assertRate({ model }: SpeechConfig, utterances: readonly Utterance[], data: string): void {
  const { sampleRate } = utterances[0]!;
  if (sampleRate === model.sampleRate) return;
  throw new UnrollError(`${data}: is sampled at ${sampleRate} Hz, the model hears ${model.sampleRate} Hz; resample it`);
}

function framesIn(model: SpeechRecognizerConfig, { samples }: Utterance): number {
  return frameCount(samples.length, recognizerFrames(model));
}

function trainingData(
  config: SpeechConfig,
  utterances: readonly Utterance[],
  { batchSize, seed }: TaskSettings,
): TrainingData {
  const { hiddenDim, dropout: rate } = config.model;
  const lengths = utterances.map((utterance) => framesIn(config.model, utterance));
  const letters = Math.max(...utterances.map(({ transcript }) => transcript.length));
  const batchesPerEpoch = Math.ceil(utterances.length / batchSize);
  const indicesAt = batchesByStep(batchesPerEpoch, (epoch) => epochBatches(lengths, { batchSize, seed, epoch }));
  return {
    examples: utterances.length,
    fingerprint: fingerprintOf(utterances.flatMap(({ samples, transcript }) => [samples, transcript])),
    countOf: (batch) => indicesAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch,
      isUniform: false,
      examplesAt: (index) => indicesAt(index).map((k) => utterances[k]!),
      shapeOf: (chosen, batch) => ({ batch, time: framesTime(config.model, chosen), letters }),
      inputsOf: (dealt, { batch, time }) => ({
        ...frameInputs(config.model, dealt.own, { batch: batch!, time: time! }),
        ...letterInputs(config, dealt, { batch: batch!, letters }),
        ...dropoutMasks({ rate, seed, ...dealt }, [{ time: time!, width: 2 * hiddenDim }]),
      }),
    }),
  };
}

/** Returns the number of frames that a batch of these recordings is padded to. */
function framesTime(model: SpeechRecognizerConfig, utterances: readonly Utterance[]): number {
  return paddedLength(Math.max(...utterances.map((utterance) => framesIn(model, utterance))), bucketFrames);
}

/** Returns `frames` and `lengths` of recordings. Lanes without a recording have one frame of silence. */
function frameInputs(
  model: SpeechRecognizerConfig,
  utterances: readonly Utterance[],
  { batch, time }: { readonly batch: number; readonly time: number },
) {
  const frames = recognizerFrames(model);
  const counts = utterances.map((utterance) => framesIn(model, utterance));
  const values = new Float32Array(time * batch * frames.frameLength);
  for (const [lane, { samples }] of utterances.entries()) {
    const own = framesOf(levelled(samples), frames);
    for (let t = 0; t < counts[lane]!; t++) {
      const frame = own.subarray(t * frames.frameLength, (t + 1) * frames.frameLength);
      values.set(frame, (t * batch + lane) * frames.frameLength);
    }
  }
  const lengths = Int32Array.from({ length: batch }, (_, lane) => counts[lane] ?? 1);
  return { frames: values, lengths };
}

function letterInputs(
  config: SpeechConfig,
  dealt: DealtBatch<Utterance>,
  shape: { readonly batch: number; readonly letters: number },
) {
  const letters = new Int32Array(shape.batch * shape.letters);
  const letterCounts = new Int32Array(shape.batch);
  for (const [lane, { transcript }] of dealt.own.entries()) {
    letterCounts[lane] = transcript.length;
    for (const [k, letter] of [...transcript].entries()) {
      letters[lane * shape.letters + k] = 1 + config.letters.indexOf(letter);
    }
  }
  return { letters, letterCounts, weights: weightsInMean(dealt) };
}

function heldOutData(config: SpeechConfig, utterances: readonly Utterance[]): HeldOutData {
  const evaluate = async (programs: Programs): Promise<Metrics> => {
    const transcriptions = await transcribed(config, utterances, programs);
    const amongWords = transcriptions.map(({ said, word }) => ({ said, recognized: word }));
    return {
      wer: wordErrorRate(amongWords),
      werSpelt: wordErrorRate(transcriptions),
      letterErrorRate: letterErrorRate(transcriptions),
    };
  };
  return { examples: utterances.length, validate: async (programs) => (await evaluate(programs)).wer!, evaluate };
}

interface Recognized extends Transcription {
  /** The most probable of the words that the model was trained on; `recognized` is spelt freely. */
  readonly word: string;
}

async function transcribed(
  config: SpeechConfig,
  utterances: readonly Utterance[],
  programs: Programs,
): Promise<Recognized[]> {
  const { model, letters } = config;
  const lengths = utterances.map((utterance) => framesIn(model, utterance));
  const transcriptions: Recognized[] = [];
  for (const indices of sortedBatches(lengths, evaluationBatch)) {
    const chosen = indices.map((index) => utterances[index]!);
    const shape = { batch: evaluationBatch, time: framesTime(model, chosen) };
    const program = () => recognitionProgram(model, shape);
    const { logits } = await programs.run(`recognition ${shape.time}`, program, frameInputs(model, chosen, shape));
    for (const [lane, { transcript: said }] of chosen.entries()) {
      const steps = lengths[indices[lane]!]!;
      const own = new Float32Array(steps * model.classes);
      for (let t = 0; t < steps; t++) {
        const from = (t * evaluationBatch + lane) * model.classes;
        own.set(logits!.subarray(from, from + model.classes), t * model.classes);
      }
      const recognized = ctcGreedyLabels(own, model.classes, steps).map((label) => letters[label - 1]!);
      transcriptions.push({ said, recognized: recognized.join(''), word: mostProbableWord(config, own, steps) });
    }
  }
  return transcriptions;
}

function mostProbableWord({ model, letters, words }: SpeechConfig, logits: Float32Array, steps: number): string {
  const probabilities = words.map((word) => {
    const labels = [...word].map((letter) => 1 + letters.indexOf(letter));
    return ctcLogProbability(logits, model.classes, steps, labels);
  });
  return words[probabilities.indexOf(Math.max(...probabilities))]!;
}
