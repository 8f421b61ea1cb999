// Translates a sentence token by token with beam search. The caller provides the functions that run the steps.

import { nextOf } from '../tensors/roles.js';
import { beamSearch } from './beam-search.js';
import type { StateValues } from './classification.js';

/** The most tokens that a source sentence may have, including its end. */
export const longestSource = 64;

/** Runs `encoderStepProgram` or `decoderStepProgram` and returns its outputs in new arrays. */
export type RunStep = (
  inputs: Readonly<Record<string, Float32Array | Int32Array>>,
) => Promise<Readonly<Record<string, Float32Array>>>;

export interface TranslationSteps {
  readonly encode: RunStep;
  readonly decode: RunStep;
  readonly hiddenDim: number;
  /** The id that precedes the first token and follows the last. */
  readonly eosId: number;
}

export interface TranslateOptions {
  /** Number of prefixes kept at every length; default 5. 1 takes the most probable token each time. */
  readonly beamWidth?: number | undefined;
  /** The exponent of the length normalisation of Wu et al. (2016), equation 14; default 1. */
  readonly lengthPenalty?: number | undefined;
  /** The most tokens of the translation; default twice the number of source tokens plus 10. */
  readonly maxTokens?: number | undefined;
  /** Aborting ends the search between two steps and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Translates a sentence; returns the tokens of the translation without its end.
 * @param source the tokens of the sentence, including its end
 * @throws RangeError if the source has no tokens or more than {@link longestSource}; the signal's reason when aborted
 */
export async function translateIds(
  { encode, decode, hiddenDim, eosId }: TranslationSteps,
  source: readonly number[],
  { beamWidth = 5, lengthPenalty = 1, maxTokens = 2 * source.length + 10, signal }: TranslateOptions = {},
): Promise<readonly number[]> {
  if (source.length === 0) throw new RangeError('the sentence has no tokens; give at least a word');
  if (source.length > longestSource) {
    throw new RangeError(`the sentence has ${source.length} tokens, more than ${longestSource}; cut it in two`);
  }
  const { memory, initial } = await readSource(encode, hiddenDim, source);
  const mask = new Float32Array(longestSource).fill(1, 0, source.length);
  const [best] = await beamSearch<StateValues>({
    step: async (state, token) => {
      const outputs = await decode({ ids: Int32Array.of(token), memory, mask, ...state });
      return { logits: outputs.logits!, state: { 'h.0': outputs[nextOf('h.0')]!, 'c.0': outputs[nextOf('c.0')]! } };
    },
    state: { 'h.0': initial, 'c.0': new Float32Array(hiddenDim) },
    prompt: [eosId],
    stop: [eosId],
    ...{ beamWidth, lengthPenalty, maxTokens, signal },
  });
  return best?.tokens ?? [];
}

/**
 * Encodes the source. Returns the encoder's outputs, [longestSource, 2·hidden], zero after the end of the source, and
 * the decoder's first state.
 */
async function readSource(
  encode: RunStep,
  hiddenDim: number,
  source: readonly number[],
): Promise<{ memory: Float32Array; initial: Float32Array }> {
  const memory = new Float32Array(longestSource * 2 * hiddenDim);
  let state: StateValues = Object.fromEntries(
    ['h.0', 'c.0', 'h.0_reverse', 'c.0_reverse'].map((name) => [name, new Float32Array(hiddenDim)]),
  );
  let initial = new Float32Array(hiddenDim);
  for (const [k, id] of source.entries()) {
    const outputs = await encode({ ids: Int32Array.of(id, source.at(-1 - k)!), ...state });
    memory.set(outputs[nextOf('h.0')]!, 2 * hiddenDim * k);
    memory.set(outputs[nextOf('h.0_reverse')]!, 2 * hiddenDim * (source.length - 1 - k) + hiddenDim);
    state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[nextOf(name)]!]));
    initial = Float32Array.from(outputs.initial!);
  }
  return { memory, initial };
}
