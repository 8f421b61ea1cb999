/**
 * BERT (Devlin et al. 2019) with its masked language modelling head, from a folder in Hugging Face's ONNX layout. It
 * scores texts but does not write any. It runs in the calling thread.
 */

import { logSoftmax } from '@unroll/core/decoding';
import { folderAt } from '#bundle-source';
import { BundleError } from '../errors.js';
import { nextTask } from '../runtime/breathing.js';
import type { Cancellable } from '../runtime/cancellable.js';
import { checkReading } from '../runtime/checked-arguments.js';
import { type Score, scoreOf } from '../runtime/score.js';
import {
  type LoadTransformerOptions,
  readTransformerFolder,
  type TransformerFolder,
  type TransformerKind,
} from './folder.js';
import { checkLength, rowOf } from './tensors.js';

/** A loaded BERT. */
export interface Bert extends AsyncDisposable {
  /**
   * Scores how well each token of `text` fits all others, by its log-probability if it alone is masked. Their sum is
   * the pseudo-log-likelihood (Salazar et al. 2020, "Masked Language Model Scoring", equation 1), and `perplexity` the
   * pseudo-perplexity. The model runs once for each token.
   * @throws RangeError if the text is longer than the model's positions; the signal's reason if it aborts
   */
  score(text: string, options?: Cancellable): Promise<Omit<Score, 'spans'>>;
  /** Frees the model's memory. */
  dispose(): Promise<void>;
}

const takenInputs = new Set(['input_ids', 'attention_mask', 'token_type_ids']);

const kind: TransformerKind = {
  modelType: 'bert',
  numbers: ['max_position_embeddings'],
  takes: (input) => takenInputs.has(input),
  inputs: ['input_ids', 'attention_mask'],
  task: 'fill-mask',
};

/**
 * Loads the BERT in the folder at `address`, a URL or, in Node, a path. The folder has `config.json`, `tokenizer.json`,
 * and the graph with inputs `input_ids`, `attention_mask` and optionally `token_type_ids`, and the output `logits`.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using model = await loadBert('./bert/');
 * const { surprises } = await model.score('The river runs to the see.');
 */
export async function loadBert(address: string | URL, options: LoadTransformerOptions = {}): Promise<Bert> {
  const folder = await readTransformerFolder(address, kind, options);
  const { tokenizer, config, dispose } = folder;
  const [cls, sep, mask] = await specialIds(folder, folderAt(address).nameOf('tokenizer.json'));
  return {
    async score(text, options = {}) {
      checkReading(text, options);
      const { signal } = options;
      const ids = tokenizer.encode(text);
      const whole = [cls, ...ids, sep];
      checkLength(whole.length, Number(config.max_position_embeddings));
      const tokenLogProbabilities: number[] = [];
      for (const [i, id] of ids.entries()) {
        await nextTask();
        signal?.throwIfAborted();
        const logits = await logitsAt(folder, whole.with(i + 1, mask), i + 1);
        tokenLogProbabilities.push(logSoftmax(logits)[id]!);
      }
      return { tokens: ids.map((id) => tokenizer.token(id)), ...scoreOf(tokenLogProbabilities) };
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

async function specialIds({ tokenizer, dispose }: TransformerFolder, file: string): Promise<[number, number, number]> {
  const [cls, sep, mask] = ['[CLS]', '[SEP]', '[MASK]'].map((token) => tokenizer.id(token));
  if (cls !== undefined && sep !== undefined && mask !== undefined) return [cls, sep, mask];
  await dispose();
  const message = `${file}: lacks [CLS], [SEP] or [MASK]; copy BERT's own`;
  throw new BundleError('tokenizer-invalid', message);
}

/** Computes the scores [vocab] at one position of a text of one segment. */
async function logitsAt(
  { run, ort, config }: TransformerFolder,
  ids: readonly number[],
  place: number,
): Promise<Float32Array> {
  const outputs = await run({
    input_ids: rowOf(ort, ids),
    attention_mask: rowOf(ort, new Array<number>(ids.length).fill(1)),
    token_type_ids: rowOf(ort, new Array<number>(ids.length).fill(0)),
  });
  const vocabSize = Number(config.vocab_size);
  return (outputs.logits!.data as Float32Array).subarray(place * vocabSize, (place + 1) * vocabSize);
}
