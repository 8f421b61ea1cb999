// Extracts ELMo's layers from sentences of any length. The caller provides the functions that run the graphs of
// `models/elmo-steps.ts`.

import { nextOf } from '../tensors/roles.js';
import { elmoCharacters } from '../text/elmo-characters.js';

type Values = Readonly<Record<string, Float32Array | Int32Array>>;
type Run = (inputs: Values) => Promise<Readonly<Record<string, Float32Array>>>;

/** The states of the LSTMs by name, each [lanes, width] in one array. */
export type ElmoState = Readonly<Record<string, Float32Array>>;

export interface ElmoSteps {
  /** The number of words in one run of `words`. */
  readonly wordsPerRun: number;
  /** The number of sentences that `step` reads at the same time. */
  readonly lanes: number;
  readonly maxCharacters: number;
  readonly projectionDim: number;
  /** LSTM layers of each direction. */
  readonly lstmLayers: number;
  /** Runs `elmoWordsProgram` for `wordsPerRun` words. */
  readonly words: Run;
  /** Runs `elmoStepProgram` for `lanes` sentences. */
  readonly step: Run;
  readonly zeroState: ElmoState;
}

export interface ElmoExtraction {
  /**
   * The layers of each sentence, without its two marks: [1 + lstmLayers, words, 2·projectionDim], the words' own vectors
   * first, each twice.
   */
  readonly features: readonly Float32Array<ArrayBuffer>[];
  /** The states after the sentence; only of a single one, as several end at different steps. */
  readonly state: ElmoState;
}

/**
 * Extracts the layers of at most `lanes` sentences.
 * @param sentences the words of each sentence
 * @param state the states before the sentences
 */
export async function elmoFeatures(
  steps: ElmoSteps,
  sentences: readonly (readonly string[])[],
  { state = steps.zeroState, signal }: { state?: ElmoState | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ElmoExtraction> {
  const { lanes, projectionDim: width, lstmLayers } = steps;
  const vectors = await vectorsOf(steps, sentences, signal);
  const features = sentences.map(({ length }) => new Float32Array((1 + lstmLayers) * length * 2 * width));
  const times = sentences.map(({ length }) => length + 2); // with the marks
  /** Puts one direction's values of a layer and a place, counted with the marks, into a sentence's features. */
  const put = (lane: number, layer: number, place: number, side: 0 | 1, values: Float32Array) => {
    const { length } = sentences[lane]!;
    if (place > 0 && place <= length) {
      features[lane]!.set(values, ((layer * length + place - 1) * 2 + side) * width);
    }
  };
  for (const [lane, places] of vectors.entries()) {
    for (const [place, vector] of places.entries())
      for (const side of [0, 1] as const) put(lane, 0, place, side, vector);
  }
  let before = state;
  for (let t = 0; t < Math.max(0, ...times); t++) {
    signal?.throwIfAborted();
    const [forward, backward] = [new Float32Array(lanes * width), new Float32Array(lanes * width)];
    const reading = times.flatMap((time, lane) => (t < time ? [{ lane, back: time - 1 - t }] : []));
    for (const { lane, back } of reading) {
      forward.set(vectors[lane]![t]!, lane * width);
      backward.set(vectors[lane]![back]!, lane * width);
    }
    const outputs = await steps.step({ forward, backward, ...before });
    const rowOf = (name: string, layer: number, lane: number) => {
      const first = (layer * lanes + lane) * width;
      return outputs[name]!.subarray(first, first + width);
    };
    for (const { lane, back } of reading) {
      for (let layer = 0; layer < lstmLayers; layer++) {
        put(lane, 1 + layer, t, 0, rowOf('outputs.forward', layer, lane));
        put(lane, 1 + layer, back, 1, rowOf('outputs.backward', layer, lane));
      }
    }
    before = Object.fromEntries(Object.keys(before).map((name) => [name, outputs[nextOf(name)]!.slice()]));
  }
  return { features, state: before };
}

/** The vectors of every word of each sentence, marks included. Each different word is computed once. */
async function vectorsOf(
  { wordsPerRun, maxCharacters, projectionDim, words }: ElmoSteps,
  sentences: readonly (readonly string[])[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[][]> {
  const known = new Map<string, Float32Array>();
  const spelled = sentences.map((sentence) => {
    const time = sentence.length + 2;
    const { characters } = elmoCharacters([sentence], { time, maxCharacters });
    return Array.from({ length: time }, (_, k) => characters.subarray(k * maxCharacters, (k + 1) * maxCharacters));
  });
  const different = new Map(spelled.flat().map((word) => [word.join(), word]));
  const pending = [...different];
  for (let first = 0; first < pending.length; first += wordsPerRun) {
    signal?.throwIfAborted();
    const some = pending.slice(first, first + wordsPerRun);
    const characters = new Int32Array(wordsPerRun * maxCharacters);
    for (const [k, [, word]] of some.entries()) characters.set(word, k * maxCharacters);
    const { vectors } = await words({ characters });
    for (const [k, [key]] of some.entries()) {
      known.set(key, vectors!.slice(k * projectionDim, (k + 1) * projectionDim));
    }
  }
  return spelled.map((sentence) => sentence.map((word) => known.get(word.join())!));
}
