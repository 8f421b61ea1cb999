/** Classifies texts on the device, with a bundle of `unroll train --task sentiment`. */
import type { TextClassifierConfig } from '@unroll/core/config';
import { classifyIds } from '@unroll/core/decoding';
import { loadTokenizer, splitPunctuation } from '@unroll/core/text';
import { checkText } from '../arguments.js';
import { type Application, type LoadApplicationOptions, loadApplication } from './load-application.js';

export interface Classification {
  /** The most probable label. */
  readonly label: string;
  /** The probability of every label. */
  readonly probabilities: Readonly<Record<string, number>>;
}

export interface TextClassifier extends AsyncDisposable {
  readonly labels: readonly string[];
  /**
   * Classifies one text.
   * @throws RangeError if the text has no words
   */
  classify(text: string): Promise<Classification>;
  dispose(): Promise<void>;
}

/**
 * Loads the classifier whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this
 * thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using reviews = await loadTextClassifier('./sentiment/');
 * const { label } = await reviews.classify('a moving film'); // 'positive'
 */
export async function loadTextClassifier(
  address: string | URL,
  options: LoadApplicationOptions = {},
): Promise<TextClassifier> {
  const application = await loadApplication(address, 'sentiment', options);
  const { model, labels, tokenizer: json } = application.config as unknown as ClassifierBundleConfig;
  const tokenizer = loadTokenizer(json);
  const step = stepOf(application);
  const dispose = () => application.dispose();
  return {
    labels,
    classify: async (text) => {
      checkText('text', text);
      const probabilities = await classifyIds(step, tokenizer.encode(splitPunctuation(text)), zeroState(model));
      const best = probabilities.indexOf(Math.max(...probabilities));
      return {
        label: labels[best]!,
        probabilities: Object.fromEntries(labels.map((label, k) => [label, probabilities[k]!])),
      };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

interface ClassifierBundleConfig {
  readonly model: TextClassifierConfig;
  readonly labels: readonly string[];
  readonly tokenizer: unknown;
}

const replacement = 'next.';

function stepOf(application: Application): Parameters<typeof classifyIds>[0] {
  return async (ids, state) => {
    const { logits, ...outputs } = await application.run('step', { ids, ...state });
    const next = Object.entries(outputs).map(([name, values]) => [name.slice(replacement.length), values] as const);
    return { logits: logits!, state: Object.fromEntries(next) };
  };
}

function zeroState({ hiddenDim }: TextClassifierConfig): Record<string, Float32Array> {
  const names = ['h', 'c', 'pooled'].flatMap((kind) => [`${kind}.0`, `${kind}.0_reverse`]);
  return Object.fromEntries(names.map((name) => [name, new Float32Array(hiddenDim)]));
}
