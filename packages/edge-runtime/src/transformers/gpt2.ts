/** GPT-2 (Radford et al. 2019) from a folder in Hugging Face's ONNX layout. It runs in the calling thread. */
import { logSoftmax } from '@unroll/core/decoding';
import { breathing } from '../runtime/breathing.js';
import type { Cancellable } from '../runtime/cancellable.js';
import { checkGenerating, checkReading } from '../runtime/checked-arguments.js';
import { type GeneratedToken, type GenerateOptions, generate } from '../runtime/generate.js';
import { type Score, scoreOf } from '../runtime/score.js';
import type { StepModel } from '../runtime/step.js';
import { type LoadTransformerOptions, readTransformerFolder, type TransformerKind } from './folder.js';
import { Gpt2Graph, type Past, pastPrefix } from './gpt2-graph.js';

/** A loaded GPT-2. It reads texts as the beginning of a document, after `<|endoftext|>`. */
export interface Gpt2 extends AsyncDisposable {
  /**
   * Streams the text that the model writes after `prompt`, until the end of the document or `maxTokens`; otherwise like
   * a language model's `generate`.
   * @throws RangeError for an option out of range, or if the text becomes longer than the model's positions; the
   * signal's reason if it aborts
   */
  generate(prompt: string, options?: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined>;
  /**
   * Computes the probability of `text`, token by token.
   * @throws RangeError if it is longer than the model's positions; the signal's reason if it aborts
   */
  score(text: string, options?: Cancellable): Promise<Score>;
  /** Frees the model's memory. */
  dispose(): Promise<void>;
}

const takenInputs = new Set(['input_ids', 'attention_mask', 'position_ids', 'use_cache_branch']);

const kind: TransformerKind = {
  modelType: 'gpt2',
  numbers: ['n_positions', 'n_head', 'n_embd', 'bos_token_id', 'eos_token_id'],
  takes: (input) => takenInputs.has(input) || input.startsWith(pastPrefix),
  inputs: ['input_ids', 'attention_mask', `${pastPrefix}0.key`],
  task: 'text-generation-with-past',
};

/**
 * Loads the GPT-2 in the folder at `address`, a URL or, in Node, a path. The folder has `config.json`,
 * `tokenizer.json`, and the graph with inputs `input_ids`, `attention_mask`, `past_key_values.*` and optionally
 * `position_ids`, `use_cache_branch`.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using model = await loadGpt2('./gpt2/');
 * for await (const { text } of model.generate('Once upon a time', { topP: 0.9 })) output.append(text);
 */
export async function loadGpt2(address: string | URL, options: LoadTransformerOptions = {}): Promise<Gpt2> {
  const folder = await readTransformerFolder(address, kind, options);
  const { config, tokenizer: pretrained } = folder;
  const graph = new Gpt2Graph(folder);
  const [bosId, eosId] = [Number(config.bos_token_id), Number(config.eos_token_id)];
  const tokenizer = {
    kind: 'bpe' as const,
    startId: bosId,
    encode: (text: string) => pretrained.encode(text),
    decode: (ids: readonly number[]) => pretrained.decode(ids),
    token: (id: number) => pretrained.token(id),
  };
  const step: StepModel<Past> = breathing({
    initialState: graph.initialPast,
    step: async (state, token) => {
      const { logits, past } = await graph.read(state, [token]);
      return { logits, state: past };
    },
    dispose: () => graph.dispose(),
  });
  return {
    async *generate(prompt, options = {}) {
      checkGenerating(prompt, options);
      const ids = [bosId, ...tokenizer.encode(prompt)];
      let state = graph.initialPast;
      for await (const { past } of graph.readings(ids.slice(0, -1), options.signal)) state = past;
      for await (const token of generate(step, tokenizer, '', options, { state, ids })) {
        if (token.id === eosId) return;
        yield token;
      }
    },
    async score(text, options = {}) {
      checkReading(text, options);
      const { signal } = options;
      const ids = tokenizer.encode(text);
      const tokenLogProbabilities: number[] = [];
      for await (const { logits } of graph.readings([bosId, ...ids].slice(0, ids.length), signal)) {
        for (let start = 0; start < logits.length; start += graph.vocabSize) {
          const row = logSoftmax(logits.subarray(start, start + graph.vocabSize));
          tokenLogProbabilities.push(row[ids[tokenLogProbabilities.length]!]!);
        }
      }
      const tokens = ids.map((id) => tokenizer.token(id));
      return { tokens, spans: pretrained.spans(text, ids), ...scoreOf(tokenLogProbabilities) };
    },
    dispose: () => graph.dispose(),
    [Symbol.asyncDispose]: () => graph.dispose(),
  };
}
