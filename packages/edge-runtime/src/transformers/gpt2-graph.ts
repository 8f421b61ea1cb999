/**
 * GPT-2's exported graph. Inputs: new tokens, and keys and values of the tokens before. Outputs: logits, and all keys
 * and values. The names are those of Hugging Face's Optimum.
 */
import type { Tensor } from 'onnxruntime-common';
import { nextTask } from '../runtime/breathing.js';
import type { TransformerFolder } from './folder.js';
import { checkLength, rowOf } from './tensors.js';

export const pastPrefix = 'past_key_values.';
const presentPrefix = 'present.';

/** Keys and values of the tokens read so far. They are never changed in place, so that texts can branch. */
export interface Past {
  readonly length: number;
  /** Tensors by input name, each float32 [1, heads, length, headDim]. */
  readonly tensors: Readonly<Record<string, Tensor>>;
}

export interface Reading {
  /** [ids, vocab]: row i has the scores of the token after the i-th id. */
  readonly logits: Float32Array;
  readonly past: Past;
}

/** Number of tokens to read at once. More would be little faster, and logits are large. */
const chunkLength = 64;

export class Gpt2Graph {
  readonly #folder: TransformerFolder;
  readonly vocabSize: number;
  /** The most tokens that a text may have. */
  readonly positions: number;
  /** The past before any token, empty. */
  readonly initialPast: Past;

  constructor(folder: TransformerFolder) {
    this.#folder = folder;
    const { inputNames, ort } = folder;
    const size = (name: string) => Number(folder.config[name]);
    this.vocabSize = size('vocab_size');
    this.positions = size('n_positions');
    const shape = [1, size('n_head'), 0, size('n_embd') / size('n_head')];
    const names = inputNames.filter((name) => name.startsWith(pastPrefix));
    const empty = names.map((name) => [name, new ort.Tensor('float32', new Float32Array(), shape)] as const);
    this.initialPast = { length: 0, tensors: Object.fromEntries(empty) };
  }

  /**
   * Reads `ids` after `past`.
   * @throws RangeError if the text becomes longer than the model's positions
   */
  async read(past: Past, ids: readonly number[]): Promise<Reading> {
    const { ort } = this.#folder;
    const length = past.length + ids.length;
    checkLength(length, this.positions);
    const integers: Record<string, Tensor> = {
      input_ids: rowOf(ort, ids),
      attention_mask: rowOf(ort, new Array<number>(length).fill(1)),
      position_ids: rowOf(
        ort,
        ids.map((_, i) => past.length + i),
      ),
      use_cache_branch: new ort.Tensor('bool', Uint8Array.of(past.length > 0 ? 1 : 0), [1]),
    };
    const outputs = await this.#folder.run({ ...integers, ...past.tensors });
    const tensors = Object.keys(past.tensors).map((name) => [name, outputs[presentNameOf(name)]!] as const);
    return {
      logits: outputs.logits!.data as Float32Array,
      past: { length, tensors: Object.fromEntries(tensors) },
    };
  }

  /**
   * Reads `ids` from the beginning, chunk by chunk. Throws the same errors as `read`, but before the first reading.
   */
  async *readings(ids: readonly number[], signal: AbortSignal | undefined): AsyncGenerator<Reading, void, undefined> {
    checkLength(ids.length, this.positions);
    let past = this.initialPast;
    for (let first = 0; first < ids.length; first += chunkLength) {
      await nextTask();
      signal?.throwIfAborted();
      const reading = await this.read(past, ids.slice(first, first + chunkLength));
      yield reading;
      past = reading.past;
    }
  }

  dispose(): Promise<void> {
    return this.#folder.dispose();
  }
}

function presentNameOf(input: string): string {
  return presentPrefix + input.slice(pastPrefix.length);
}
