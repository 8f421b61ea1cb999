/**
 * The words of one step, and a batch in which they are numbered as they stand in tables that have no other rows: so the
 * program of a small vocabulary trains a large one.
 */
import { embeddingName, type LanguageModelConfig, outputTable, type SampledSoftmaxConfig } from '@unroll/core';
import type { Inputs } from './batch-inputs.js';

export interface StepWords {
  /** The rows of each table, ascending. */
  readonly rows: Readonly<Record<string, Int32Array>>;
  /** The batch with the tables' rows as ids. */
  readonly inputs: Inputs;
}

/** The model, of a sampled softmax, of as many words as a step of `tokens` tokens can have at most. */
export function modelOfStep(model: LanguageModelConfig, tokens: number): LanguageModelConfig {
  const { samples } = model.softmax as SampledSoftmaxConfig;
  const output = tokens + samples;
  const words = model.tieWeights ? tokens + output : output;
  return { ...model, vocabSize: Math.min(words, model.vocabSize) };
}

/** @param inputs of a whole vocabulary: `ids`, `targets`, `candidates` and whatever else */
export function wordsOfStep(model: LanguageModelConfig, inputs: Inputs): StepWords {
  const [ids, targets, candidates] = [inputs.ids, inputs.targets, inputs.candidates] as Int32Array[];
  const read = model.tieWeights ? wordsIn(ids!, targets!, candidates!) : wordsIn(ids!);
  const scored = model.tieWeights ? read : wordsIn(targets!, candidates!);
  return {
    rows: { [embeddingName]: read, [outputTable(model)!]: scored, 'output.bias': scored },
    inputs: {
      ...inputs,
      ids: placesAmong(read, ids!),
      targets: placesAmong(scored, targets!),
      candidates: placesAmong(scored, candidates!),
    },
  };
}

function wordsIn(...lists: readonly Int32Array[]): Int32Array {
  const words = new Set<number>();
  for (const list of lists) for (const id of list) words.add(id);
  return Int32Array.from(words).sort();
}

function placesAmong(words: Int32Array, ids: Int32Array): Int32Array {
  const places = new Map<number, number>();
  for (const [place, word] of words.entries()) places.set(word, place);
  return ids.map((id) => places.get(id)!);
}
