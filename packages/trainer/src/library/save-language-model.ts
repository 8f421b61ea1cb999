/** `saveLanguageModel`: writes a language model that was trained in code as a checkpoint. */
import type { RnnLanguageModel, RwkvLanguageModel } from '@unroll/core';
import type { Tokenizer } from '@unroll/core/text';
import { writeModel } from '../checkpoint/checkpoint.js';
import { inspectModel } from '../checkpoint/checkpoint-files.js';
import { requireFiniteParameters } from '../checkpoint/finite.js';
import { UnrollError } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { inCode } from './in-code.js';

/** A language model, the tokenizer of its ids, and where the checkpoint goes. */
export interface SaveOptions {
  readonly model: RnnLanguageModel | RwkvLanguageModel;
  /** Its vocabulary has as many tokens as the model. */
  readonly tokenizer: Tokenizer;
  /** The checkpoint's folder; one that was saved or imported there is replaced. */
  readonly out: string;
}

/**
 * Saves a model, with its weights as they are now. `evaluate`, `score`, `generate` and `exportBundle` take the
 * checkpoint, and `train` begins with it by `initFrom`.
 * @throws UnrollError if the tokenizer is another model's, a weight is not finite, or the folder cannot be replaced
 * @example
 * await saveLanguageModel({ model, tokenizer, out: 'runs/in-code' });
 * const { perplexity } = await evaluate({ checkpoint: 'runs/in-code', data: 'grammar' });
 */
export function saveLanguageModel({ model, tokenizer, out }: SaveOptions): Promise<void> {
  return inCode({}, async () => {
    const { config } = model;
    if (tokenizer.vocabSize !== config.vocabSize) {
      throw new UnrollError(
        `tokenizer: has ${tokenizer.vocabSize} tokens, the model ${config.vocabSize}; give the tokenizer with which it was trained`,
      );
    }
    const values = Object.entries(model.parameters).map(async ([name, variable]) => {
      const data = await variable.data();
      return [name, Float32Array.from(data as Float32Array)] as const;
    });
    const parameters = Object.fromEntries(await Promise.all(values));
    requireFiniteParameters(parameters, 'model');
    if ((await inspectModel(out)) === 'foreign') {
      throw new UnrollError(`${out}: holds files that are no saved model's, and would be lost; choose another out`);
    }
    await using lock = new ResultLock({ folder: out, role: 'saving' });
    await lock.take();
    await writeModel(out, { config, parameters, tokenizer });
  });
}
