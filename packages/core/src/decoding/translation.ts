// How a sentence is translated token by token, with beam search; what runs the steps is the caller's.

import { beamSearch } from './beam-search.js';
import type { StateValues } from './classification.js';

/** The tokens that a source may have. */
export const longestSource = 64;

/** Runs `encoderStepProgram` or `decoderStepProgram`: its outputs, arrays of this step's own. */
export type RunStep = (
  inputs: Readonly<Record<string, Float32Array | Int32Array>>,
) => Promise<Readonly<Record<string, Float32Array>>>;

export interface TranslationSteps {
  readonly encode: RunStep;
  readonly decode: RunStep;
  readonly hiddenDim: number;
  /** The token before the first and after the last. */
  readonly eosId: number;
}

export interface TranslateOptions {
  /** How many prefixes are kept at every length; default 5. 1 takes the likeliest token each time. */
  readonly beamWidth?: number | undefined;
  /** The exponent of the length normalisation of Wu et al. (2016), equation 14; default 1. */
  readonly lengthPenalty?: number | undefined;
  /** The most tokens written; default twice the source's and 10. */
  readonly maxTokens?: number | undefined;
  /** Ends the search, between two steps, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The translation's tokens, the end left out.
 * @param source the tokens of the sentence, its end included
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
      return { logits: outputs.logits!, state: { 'h.0': outputs['next.h.0']!, 'c.0': outputs['next.c.0']! } };
    },
    state: { 'h.0': initial, 'c.0': new Float32Array(hiddenDim) },
    prompt: [eosId],
    stop: [eosId],
    ...{ beamWidth, lengthPenalty, maxTokens, signal },
  });
  return best?.tokens ?? [];
}

/** The encoder's outputs, [longestSource, 2·hidden], zero after the source's end, and the decoder's first state. */
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
    memory.set(outputs['next.h.0']!, 2 * hiddenDim * k);
    memory.set(outputs['next.h.0_reverse']!, 2 * hiddenDim * (source.length - 1 - k) + hiddenDim);
    state = Object.fromEntries(Object.keys(state).map((name) => [name, outputs[`next.${name}`]!]));
    initial = Float32Array.from(outputs.initial!);
  }
  return { memory, initial };
}
