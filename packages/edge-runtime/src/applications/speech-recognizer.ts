/** Recognizes spoken words on the device, with a bundle of `unroll train --task speech`. */
import {
  ctcGreedyLabels,
  ctcLogProbability,
  framesOf,
  levelled,
  logMelConfig,
  recognizeFrames,
} from '@unroll/core/decoding';
import { checkSamples } from '../arguments.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

export interface Recognition {
  /** The most probable of the words that the model was trained on. */
  readonly word: string;
  /** The recognized letters, whether they form one of these words or not. */
  readonly spelt: string;
}

export interface SpeechRecognizer extends AsyncDisposable {
  /** The sample rate that recordings must have, in Hz. */
  readonly sampleRate: number;
  readonly words: readonly string[];
  /**
   * Recognizes one recording.
   * @param samples one channel, in [−1, 1]
   * @throws RangeError if the samples are shorter than 25 ms
   */
  recognize(samples: Float32Array): Promise<Recognition>;
  dispose(): Promise<void>;
}

const schema = {
  model: { sampleRate: 'count', hiddenDim: 'count', classes: 'count' },
  letters: 'text',
  words: 'texts',
} as const;

/**
 * Loads the recognizer whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this
 * thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using digits = await loadSpeechRecognizer('./digits/');
 * const { word } = await digits.recognize(samples); // 'seven'
 */
export async function loadSpeechRecognizer(
  address: string | URL,
  options: LoadApplicationOptions = {},
): Promise<SpeechRecognizer> {
  const application = await openApplication(address, 'speech', schema, options);
  const { model, letters, words } = application.config;
  const { sampleRate, hiddenDim, classes } = model;
  const frames = logMelConfig(sampleRate);
  const steps = {
    hiddenDim,
    step: (inputs: Readonly<Record<string, Float32Array>>) => application.run('step', inputs),
    output: (inputs: Readonly<Record<string, Float32Array>>) => application.run('output', inputs),
  };
  const labelsOf = (word: string) => [...word].map((letter) => 1 + letters.indexOf(letter));
  const dispose = () => application.dispose();
  return {
    sampleRate,
    words,
    recognize: async (samples) => {
      checkSamples('samples', samples);
      const logits = await recognizeFrames(steps, framesOf(levelled(samples), frames), frames.frameLength);
      const count = logits.length / classes;
      const spelt = ctcGreedyLabels(logits, classes, count).map((label) => letters[label - 1]!);
      const probabilities = words.map((word) => ctcLogProbability(logits, classes, count, labelsOf(word)));
      return { word: words[probabilities.indexOf(Math.max(...probabilities))]!, spelt: spelt.join('') };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
