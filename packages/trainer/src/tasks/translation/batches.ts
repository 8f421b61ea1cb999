/** Sentence pairs as token ids, and as batches for the model. */
import type { PairBatchShape, TranslationConfig } from '@unroll/core';
import { longestSource } from '@unroll/core/decoding';
import type { Tokenizer } from '@unroll/core/text';
import { UnrollError } from '../../errors.js';
import { fingerprintOf } from '../data-fingerprint.js';
import { dropoutMasks } from '../dropout-masks.js';
import { batchesByStep } from '../epochs.js';
import { type DealtBatch, exampleBatches } from '../example-batches.js';
import { epochBatches, paddedLength, timeMajor } from '../length-buckets.js';
import type { TaskSettings, TrainingData } from '../task.js';
import type { SentencePair } from './sentence-pair.js';

/** A pair as token ids; both sides end with the tokenizer's end-of-line token. */
export interface EncodedPair {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Batches are padded to a multiple of this many tokens. */
const bucketTokens = 8;

/** Encodes sentences, including their ends. */
export function encodePairs(tokenizer: Tokenizer, pairs: readonly SentencePair[]): EncodedPair[] {
  return pairs.map(({ source, target }) => ({
    source: tokenizer.encode(`${source}\n`),
    target: tokenizer.encode(`${target}\n`),
  }));
}

/**
 * Checks that the model can read every source.
 * @throws UnrollError naming the line whose source is longer than the model reads
 */
export function requireTranslatable(pairs: readonly SentencePair[], encoded: readonly EncodedPair[]): void {
  const long = encoded.findIndex(({ source }) => source.length > longestSource);
  if (long === -1) return;
  throw new UnrollError(
    `${pairs[long]!.place}: has ${encoded[long]!.source.length} tokens, the model reads ${longestSource}; cut the sentence in two`,
  );
}

/** Returns training data of the pairs that fit; longer ones are left out. */
export function pairTrainingData(
  { dropout, embeddingDim }: TranslationConfig,
  all: readonly EncodedPair[],
  { batchSize, seed }: TaskSettings,
): TrainingData {
  const pairs = all.filter(({ source, target }) => Math.max(source.length, target.length) <= longestSource);
  const lengths = pairs.map(({ source, target }) => source.length + target.length);
  const batchesPerEpoch = Math.ceil(pairs.length / batchSize);
  const indicesAt = batchesByStep(batchesPerEpoch, (epoch) => epochBatches(lengths, { batchSize, seed, epoch }));
  return {
    examples: pairs.length,
    fingerprint: fingerprintOf(
      pairs.flatMap(({ source, target }) => [Int32Array.from(source), Int32Array.from(target)]),
    ),
    countOf: (batch) => indicesAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch,
      isUniform: false,
      examplesAt: (index) => indicesAt(index).map((k) => pairs[k]!),
      shapeOf: (chosen, lanes) => ({ ...pairBatchShape(chosen, lanes) }),
      inputsOf: (batch, { batch: lanes, source, target }) => ({
        ...pairInputs(batch, { batch: lanes!, source: source!, target: target! }),
        ...dropoutMasks({ rate: dropout, seed, ...batch }, [
          { time: source!, width: embeddingDim },
          { time: target!, width: embeddingDim },
          { time: target!, width: embeddingDim },
        ]),
      }),
    }),
  };
}

/** Returns the shape of a batch of these pairs with so many lanes. */
export function pairBatchShape(pairs: readonly EncodedPair[], batch: number): PairBatchShape {
  return {
    batch,
    source: paddedLength(Math.max(...pairs.map((pair) => pair.source.length)), bucketTokens),
    target: paddedLength(Math.max(...pairs.map((pair) => pair.target.length)), bucketTokens),
  };
}

/** Returns the inputs of `translationLoss` for a batch, without the masks. Lanes without a pair have weight 0. */
export function pairInputs({ whole, own, averaged }: DealtBatch<EncodedPair>, shape: PairBatchShape) {
  const { batch, source, target } = shape;
  const tokens = averaged.reduce((sum, pair) => sum + pair.target.length, 0);
  const sourceLengths = new Int32Array(batch).fill(1);
  const weights = new Float32Array(target * batch);
  own.forEach((pair, lane) => {
    sourceLengths[lane] = pair.source.length;
    for (let t = 0; t < pair.target.length; t++) weights[t * batch + lane] = 1 / tokens;
  });
  const eos = whole[0]!.target.at(-1)!;
  const targets = own.map((pair) => pair.target);
  const previous = targets.map((ids) => [eos, ...ids.slice(0, -1)]);
  return {
    source: timeMajor(
      own.map((pair) => pair.source),
      { batch, time: source },
      eos,
    ),
    sourceLengths,
    previous: timeMajor(previous, { batch, time: target }, eos),
    targets: timeMajor(targets, { batch, time: target }, eos),
    weights,
  };
}
