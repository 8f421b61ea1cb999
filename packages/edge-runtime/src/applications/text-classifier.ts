/** Classifies texts on the device, with a bundle of `unroll train --task sentiment`. */
import { classifyIds } from '@unroll/core/decoding';
import { divideOutputs } from '@unroll/core/onnx';
import { loadTokenizer, splitPunctuation } from '@unroll/core/text';
import { checkText } from '../arguments.js';
import { type Application, type LoadApplicationOptions, openApplication } from './load-application.js';

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

const schema = { model: { hiddenDim: 'count' }, labels: 'texts', tokenizer: 'object' } as const;

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
  const application = await openApplication(address, 'sentiment', schema, options);
  const { model, labels, tokenizer: json } = application.config;
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

function stepOf(application: Pick<Application, 'run'>): Parameters<typeof classifyIds>[0] {
  return async (ids, before) => {
    const { logits, ...outputs } = await application.run('step', { ids, ...before });
    const [state] = divideOutputs('next', outputs);
    return { logits: logits!, state };
  };
}

function zeroState({ hiddenDim }: { readonly hiddenDim: number }): Record<string, Float32Array> {
  const names = ['h', 'c', 'pooled'].flatMap((kind) => [`${kind}.0`, `${kind}.0_reverse`]);
  return Object.fromEntries(names.map((name) => [name, new Float32Array(hiddenDim)]));
}
