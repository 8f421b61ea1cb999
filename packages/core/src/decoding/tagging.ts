// Tags a sentence step by step on a device. The caller provides the functions that run the graphs.

import { joined, outputsFromBothEnds } from './both-ends.js';
import { type CrfScores, viterbi } from './viterbi.js';

type Values = Readonly<Record<string, Float32Array | Int32Array>>;

/** A tagger's bundle: functions that run its graphs, and the scores of its conditional random field. */
export interface TaggerSteps {
  readonly hiddenDim: number;
  /** Runs `taggerStepProgram`: takes two words and the state, returns features and the next state. */
  readonly step: (inputs: Values) => Promise<Readonly<Record<string, Float32Array>>>;
  /** Runs `taggerOutputProgram`: takes a word's features from both directions, returns its `emissions`. */
  readonly output: (inputs: Values) => Promise<Readonly<Record<string, Float32Array>>>;
  readonly crf: CrfScores;
}

/** The words of a sentence as a tagger reads them. */
export interface EncodedWords {
  readonly ids: readonly number[];
  readonly spellings: readonly number[];
}

/** Returns the best tag of each word, as numbers. */
export async function tagWords(
  { hiddenDim, step, output, crf }: TaggerSteps,
  { ids, spellings }: EncodedWords,
): Promise<number[]> {
  const both = (values: readonly number[], front: number, back: number) => Int32Array.of(values[front]!, values[back]!);
  const model = {
    hiddenDim,
    step: (front: number, back: number, state: Values) =>
      step({ ids: both(ids, front, back), spellings: both(spellings, front, back), ...state }),
    output: async (features: Float32Array) => (await output({ features })).emissions!,
  };
  return viterbi(joined(await outputsFromBothEnds(model, ids.length)), crf);
}
