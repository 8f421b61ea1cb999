/** Translates sentences on the device, with a bundle of `unroll train --task translation`. */
import { type RunStep, type TranslateOptions, translateIds } from '@unroll/core/decoding';
import { loadTokenizer } from '@unroll/core/text';
import { checkNumbers, checkOptions, checkSignal, checkText } from '../arguments.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

export interface Translator extends AsyncDisposable {
  /**
   * Translates one sentence.
   * @throws RangeError if the sentence is longer than the model reads; the signal's reason if it aborts
   */
  translate(sentence: string, options?: TranslateOptions): Promise<string>;
  dispose(): Promise<void>;
}

const schema = { model: { hiddenDim: 'count' }, tokenizer: 'object' } as const;

/**
 * Loads the translator whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this
 * thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using translator = await loadTranslator('./en-de/');
 * const german = await translator.translate('A little girl is climbing.');
 */
export async function loadTranslator(address: string | URL, options: LoadApplicationOptions = {}): Promise<Translator> {
  const application = await openApplication(address, 'translation', schema, options);
  const { model, tokenizer: json } = application.config;
  const tokenizer = loadTokenizer(json);
  const encode: RunStep = (inputs) => application.run('encoder', inputs);
  const decode: RunStep = (inputs) => application.run('decoder', inputs);
  const steps = {
    ...{ encode, decode },
    hiddenDim: model.hiddenDim,
    eosId: tokenizer.eosId,
  };
  const dispose = () => application.dispose();
  return {
    translate: async (sentence, translateOptions = {}) => {
      checkText('sentence', sentence);
      checkOptions(translateOptions);
      const { beamWidth, lengthPenalty, maxTokens, signal } = translateOptions;
      checkNumbers({ beamWidth, lengthPenalty, maxTokens });
      checkSignal(signal);
      const line = sentence.replace(/\s+/g, ' ').trim();
      return tokenizer.decode(await translateIds(steps, tokenizer.encode(`${line}\n`), translateOptions));
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
