/** Extracts ELMo's vectors of words in their sentences on the device, with the bundle of an imported ELMo. */
import { type ElmoState, elmoFeatures } from '@unroll/core/decoding';
import { checkTexts, wrongKind } from '../arguments.js';
import { invalidConfig } from '../bundle/checked-fields.js';
import type { Cancellable } from '../runtime/cancellable.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

/** The vectors of a sentence's words. */
export interface WordFeatures {
  /** [layers, words, width]: the words' own vectors first, each twice, then each LSTM layer, forward beside backward. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly shape: readonly [layers: number, words: number, width: number];
  /** The state after the sentence, from which another may go on. */
  readonly state: ElmoFeaturesState;
}

/** The states of the LSTMs. It can be kept as it is, in IndexedDB too. */
export type ElmoFeaturesState = ElmoState;

export interface ElmoOptions extends Cancellable {
  /** The state after the sentence before; default zeros. */
  readonly state?: ElmoFeaturesState | undefined;
}

export interface Elmo extends AsyncDisposable {
  /**
   * Extracts the features of one sentence.
   * @param words its words, cut as those of the text that the model was trained on
   * @throws RangeError for an empty word, or a state of another model; the signal's reason if it aborts
   */
  features(words: readonly string[], options?: ElmoOptions): Promise<WordFeatures>;
  dispose(): Promise<void>;
}

const schema = {
  model: {
    wordsPerRun: 'count',
    maxCharacters: 'count',
    projectionDim: 'count',
    lstmLayers: 'count',
    hiddenDim: 'count',
  },
} as const;

/**
 * Loads the ELMo whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using elmo = await loadElmo('./elmo/');
 * const { values, shape } = await elmo.features(['the', 'bank', 'closed']); // shape [3, 3, 1024]
 */
export async function loadElmo(address: string | URL, options: LoadApplicationOptions = {}): Promise<Elmo> {
  const application = await openApplication(address, 'elmo', schema, options);
  const { hiddenDim, ...sizes } = application.config.model;
  if (sizes.maxCharacters < 3) {
    throw invalidConfig(application.configFile, `'model.maxCharacters' is ${sizes.maxCharacters}, not 3 or more`);
  }
  const zeroState: Record<string, Float32Array> = {};
  for (const direction of ['forward', 'backward']) {
    for (let layer = 0; layer < sizes.lstmLayers; layer++) {
      zeroState[`${direction}.h.${layer}`] = new Float32Array(sizes.projectionDim);
      zeroState[`${direction}.c.${layer}`] = new Float32Array(hiddenDim);
    }
  }
  const steps = {
    ...{ ...sizes, lanes: 1, zeroState },
    words: (inputs: Parameters<typeof application.run>[1]) => application.run('words', inputs),
    step: (inputs: Parameters<typeof application.run>[1]) => application.run('step', inputs),
  };
  const dispose = () => application.dispose();
  return {
    features: async (words, { state, signal } = {}) => {
      if (!Array.isArray(words)) throw wrongKind('words', 'a list of strings', words);
      checkTexts('words', words);
      const empty = words.indexOf('');
      if (empty !== -1) throw new RangeError(`words[${empty}] is empty; leave it out`);
      if (state) requireStateOf(zeroState, state);
      const { features, state: after } = await elmoFeatures(steps, [words], { state, signal });
      const shape = [1 + sizes.lstmLayers, words.length, 2 * sizes.projectionDim] as const;
      return { values: features[0]!, shape, state: after };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function requireStateOf(zeroState: ElmoState, state: ElmoState): void {
  for (const [name, { length }] of Object.entries(zeroState)) {
    if (state[name]?.length === length) continue;
    throw new RangeError(
      `state: '${name}' has ${state[name]?.length ?? 'no'} values, not ${length}; read it with this model`,
    );
  }
}
