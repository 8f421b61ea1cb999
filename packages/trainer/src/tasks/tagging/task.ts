/** `--task tagging`: tags the words of sentences, such as names in them, with a bidirectional LSTM and a CRF. */
import { defaultOptimizer, graphOfProgram, type TaggerConfig, taggerLoss, uniformParameters } from '@unroll/core';
import { isIobTag, viterbi } from '@unroll/core/decoding';
import {
  type BatchDimensions,
  taggerDropoutWidths,
  taggerEvaluationProgram,
  taggerOutputProgram,
  taggerParameterShapes,
  taggerStepProgram,
  trainableLoss,
} from '@unroll/core/internal';
import { encodeWords, spellings, Vocabulary, vocabularyWord } from '@unroll/core/text';
import { z } from 'zod';
import { log } from '../../terminal/log.js';
import { fingerprintOf } from '../data-fingerprint.js';
import { dropoutMasks } from '../dropout-masks.js';
import { batchesByStep } from '../epochs.js';
import { type DealtBatch, evaluatedBatch, exampleBatches, weightsInMean } from '../example-batches.js';
import { epochBatches, paddedLength, sortedBatches, timeMajor } from '../length-buckets.js';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { HeldOutData, Programs, Task, TaskModel, TaskSettings, TrainingData } from '../task.js';
import { type EntityScores, entityScores } from './entity-scores.js';
import type { TaggedSentence } from './sentence.js';
import { readSentences, SAMPLE } from './sentences.js';

const count = z.int().positive();

const configSchema = z
  .object({
    model: z.strictObject({
      vocabSize: count,
      spellings: z.literal(spellings.length),
      embeddingDim: count,
      hiddenDim: count,
      tags: count,
      dropout: z.number().min(0).lt(1),
    }),
    /** The words that have an embedding; the first entry stands for all others. */
    vocabulary: z.array(z.string()),
    tags: z.array(z.string()),
  })
  .refine(
    ({ model, vocabulary }) => vocabulary.length === model.vocabSize,
    'vocabulary: must have model.vocabSize words',
  )
  .refine(({ model, tags }) => tags.length === model.tags, 'tags: must be as many as model.tags');

type TaggingConfig = z.infer<typeof configSchema>;

interface EncodedSentence {
  readonly ids: readonly number[];
  readonly spellings: readonly number[];
  /** Indices into the configuration's tags; −1 for a tag that the model does not know. */
  readonly tags: readonly number[];
}

/** Batches are padded to a multiple of this many words. */
const bucketWords = 8;
/** Words that occur less often in training count as unknown: so the model learns what unknown words are like. */
const leastCount = 2;
const initRange = 0.08;
const evaluationBatch = 64;

export const tagging: Task = {
  name: 'tagging',
  data: `a folder with train.txt, valid.txt and test.txt, a word and its tag a line, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { embeddingDim: 100, hiddenDim: 100, dropout: 0.5 },
    batchSize: 20,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.002,
    schedule: everyEpoch(0.95),
    clipNorm: 5,
    epochs: 20,
  }),
  selection: { metric: 'f1', better: 'higher' },
  configure: async (data, { model }) => {
    const { sentences } = readSentences(data, 'train');
    const vocabulary = vocabularyOf(sentences);
    const tags = [...new Set(sentences.flatMap((sentence) => sentence.tags))].toSorted();
    return {
      model: {
        vocabSize: vocabulary.length,
        spellings: spellings.length,
        embeddingDim: model.embeddingDim!,
        hiddenDim: model.hiddenDim!,
        tags: tags.length,
        dropout: model.dropout!,
      },
      ...{ vocabulary, tags },
    } satisfies TaggingConfig;
  },
  model: (config) => taggingModel(parseConfig(configSchema, config)),
};

function vocabularyOf(sentences: readonly TaggedSentence[]): string[] {
  const counts = new Map<string, number>();
  for (const word of sentences.flatMap(({ words }) => words.map(vocabularyWord))) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const unknown = '<unk>';
  const known = [...counts].flatMap(([word, times]) => (times >= leastCount && word !== unknown ? [word] : []));
  return [unknown, ...known];
}

function taggingModel(config: TaggingConfig): TaskModel {
  const { model, tags } = config;
  const vocabulary = new Vocabulary(config.vocabulary);
  const shapes = taggerParameterShapes(model);
  const encoded = ({ words, tags: actual }: TaggedSentence) => ({
    ...encodeWords(vocabulary, words),
    tags: actual.map((tag) => tags.indexOf(tag)),
  });
  return {
    trainable: trainableLoss(shapes, ({ batch, time }) => taggerLoss(model, { batch: batch!, time: time! })),
    initialParameters: (seed) => uniformParameters(shapes, { seed, range: initRange }),
    trainingData: async (data, settings) => {
      const { sentences, notices } = readSentences(data, 'train');
      for (const notice of [...notices, ...tagNotices(tags, data)]) log(notice, 'warning');
      return trainingData(model, sentences.map(encoded), settings);
    },
    heldOutData: async (data, split) => {
      const { sentences, notices } = readSentences(data, split);
      const unknown = sentences.flatMap((sentence) => sentence.tags).find((tag) => !tags.includes(tag));
      const unknownNotice = `${data}: ${split}: the tag '${unknown}' does not occur in training; its words count as wrong`;
      for (const notice of [...notices, ...(unknown === undefined ? [] : [unknownNotice])]) log(notice, 'warning');
      return heldOutData(config, sentences, sentences.map(encoded));
    },
    bundle: (parameters) => ({
      graphs: {
        step: graphOfProgram(taggerStepProgram(model), shapes, parameters),
        output: graphOfProgram(taggerOutputProgram(model), shapes, parameters),
      },
      config: {
        ...config,
        crf: {
          transitions: [...parameters['crf.transitions']!],
          start: [...parameters['crf.start']!],
          stop: [...parameters['crf.stop']!],
        },
      },
    }),
  };
}

/** Returns a line if only some tags are of the notation IOB: others may be mistakes. */
function tagNotices(tags: readonly string[], data: string): string[] {
  const others = tags.filter((tag) => !isIobTag(tag));
  const marked = tags.filter((tag) => tag !== 'O' && isIobTag(tag));
  if (others.length === 0 || marked.length === 0) return [];
  const [other, like] = [others[0], marked[0]];
  return [
    `${data}: the tag '${other}' has no B- or I- as '${like}' has; each of its words counts as an entity by itself`,
  ];
}

function trainingData(
  model: TaggerConfig,
  sentences: readonly EncodedSentence[],
  { batchSize, seed }: TaskSettings,
): TrainingData {
  const lengths = sentences.map(({ ids }) => ids.length);
  const [inputWidth, outputWidth] = taggerDropoutWidths(model);
  const batchesPerEpoch = Math.ceil(sentences.length / batchSize);
  const indicesAt = batchesByStep(batchesPerEpoch, (epoch) => epochBatches(lengths, { batchSize, seed, epoch }));
  const numbers = sentences.flatMap(({ ids, spellings, tags }) => [ids, spellings, tags]);
  return {
    examples: sentences.length,
    fingerprint: fingerprintOf(numbers.map((values) => Int32Array.from(values))),
    countOf: (batch) => indicesAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch,
      isUniform: false,
      examplesAt: (index) => indicesAt(index).map((k) => sentences[k]!),
      shapeOf,
      inputsOf: (dealt, shape) => {
        const { time } = sizesOf(shape);
        return {
          ...sentenceInputs(dealt, shape),
          tags: timeMajor(
            dealt.own.map(({ tags }) => tags),
            sizesOf(shape),
            0,
          ),
          weights: weightsInMean(dealt),
          ...dropoutMasks({ rate: model.dropout, seed, ...dealt }, [
            { time, width: inputWidth },
            { time, width: outputWidth },
          ]),
        };
      },
    }),
  };
}

function shapeOf(sentences: readonly EncodedSentence[], batch: number) {
  return { batch, time: paddedLength(Math.max(...sentences.map(({ ids }) => ids.length)), bucketWords) };
}

function sentenceInputs({ own }: DealtBatch<EncodedSentence>, shape: BatchDimensions) {
  const sizes = sizesOf(shape);
  return {
    ids: timeMajor(
      own.map(({ ids }) => ids),
      sizes,
      0,
    ),
    spellings: timeMajor(
      own.map(({ spellings }) => spellings),
      sizes,
      0,
    ),
    lengths: Int32Array.from({ length: sizes.batch }, (_, lane) => own[lane]?.ids.length ?? 0),
  };
}

function heldOutData(
  { model, tags }: TaggingConfig,
  sentences: readonly TaggedSentence[],
  encoded: readonly EncodedSentence[],
): HeldOutData {
  const evaluate = async (programs: Programs): Promise<EntityScores> => {
    const results: { actual: readonly string[]; predicted: string[] }[] = [];
    for (const indices of sortedBatches(
      encoded.map(({ ids }) => ids.length),
      evaluationBatch,
    )) {
      const chosen = indices.map((index) => encoded[index]!);
      const predicted = await taggedBatch(model, chosen, programs);
      for (const [lane, index] of indices.entries()) {
        results.push({ actual: sentences[index]!.tags, predicted: predicted[lane]!.map((tag) => tags[tag]!) });
      }
    }
    return entityScores(results);
  };
  return {
    examples: sentences.length,
    validate: async (programs) => (await evaluate(programs)).f1,
    evaluate: async (programs) => ({ ...(await evaluate(programs)) }),
  };
}

/** Returns the best tags of each sentence. */
async function taggedBatch(
  model: TaggerConfig,
  sentences: readonly EncodedSentence[],
  programs: Programs,
): Promise<number[][]> {
  const shape = shapeOf(sentences, evaluationBatch);
  const program = () => taggerEvaluationProgram(model, shape);
  const inputs = sentenceInputs(evaluatedBatch(sentences, evaluationBatch), shape);
  const { emissions, transitions, start, stop } = await programs.run(`evaluation ${shape.time}`, program, inputs);
  return sentences.map(({ ids }, lane) => {
    const own = new Float32Array(ids.length * model.tags);
    for (let t = 0; t < ids.length; t++) {
      const from = (t * evaluationBatch + lane) * model.tags;
      own.set(emissions!.subarray(from, from + model.tags), t * model.tags);
    }
    return viterbi(own, { transitions: transitions!, start: start!, stop: stop! });
  });
}

function sizesOf({ batch, time }: BatchDimensions) {
  return { batch: batch!, time: time! };
}
