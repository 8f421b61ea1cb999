// Generates text from a model, one sampled token after the other.

import type { Random } from '../random/seeded-random.js';
import { checkPositiveInteger, checkSamplingOptions, type SamplingOptions, sampleToken } from './sampling.js';
import { type DecodingStep, readPrompt } from './step.js';

export interface GenerationOptions<State> extends SamplingOptions {
  readonly step: DecodingStep<State>;
  /** The state before the prompt. */
  readonly state: State;
  /** Ids that the model reads first, at least one; the end-of-line id alone starts a new text. */
  readonly prompt: readonly number[];
  /** The most tokens to generate. With Infinity, generation continues as long as the consumer asks for tokens. */
  readonly maxTokens: number;
  /** Ids that end the generation; the id that ends it is not yielded. Default: none. */
  readonly stop?: readonly number[] | undefined;
  /** Source of random numbers. `seededRandom(seed)` gives the same text wherever the scores are the same. */
  readonly random: Random;
  /** Aborting ends the generation between two steps and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the ids that the model writes after `prompt`. Runs a step only when the consumer asks for the next token.
 *
 * @throws RangeError for an option out of range, before the first step; the signal's reason when aborted
 * @example
 * for await (const id of generateTokens({ step, state, prompt: [tokenizer.eosId], maxTokens: 50, topP: 0.9, random }))
 *   process.stdout.write(tokenizer.token(id));
 */
export async function* generateTokens<State>(
  options: GenerationOptions<State>,
): AsyncGenerator<number, void, undefined> {
  const { step, state, prompt, maxTokens, stop = [], random, signal, ...sampling } = options;
  if (maxTokens !== Number.POSITIVE_INFINITY) checkPositiveInteger('maxTokens', maxTokens);
  checkSamplingOptions(sampling);
  let result = await readPrompt(step, state, prompt, signal);
  for (let count = 1; ; count++) {
    const token = sampleToken(result.logits, { ...sampling, random });
    if (stop.includes(token)) return;
    yield token;
    if (count === maxTokens) return;
    signal?.throwIfAborted();
    result = await step(result.state, token);
  }
}
