/** Generates text from a model as a stream of tokens. `@unroll/core/decoding` chooses the tokens. */
import { beamSearch, generateTokens, type SamplingOptions, seededRandom } from '@unroll/core/decoding';
import type { Tokenizer } from '@unroll/core/text';
import { Continuation } from './continuation.js';
import { stateAfter } from './reading.js';
import type { StepModel } from './step.js';
import { beginning, type Start, unreadIds } from './text-state.js';

export interface GenerateOptions extends SamplingOptions {
  /**
   * The most tokens to generate; default 100. With Infinity, sampling continues until the loop is left; beam search
   * needs a number.
   */
  readonly maxTokens?: number;
  /** Seed of the random numbers; the same seed gives the same text in Node and in browsers. Default 0. */
  readonly seed?: number;
  /** Width of a beam search for the most probable text. Without it, tokens are sampled. */
  readonly beamWidth?: number;
  /** Aborting ends the stream and throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface GeneratedToken {
  readonly id: number;
  /** The token as written in the vocabulary. */
  readonly token: string;
  /** The text that the token adds; empty while a character of several tokens is unfinished. */
  readonly text: string;
}

/**
 * Yields the tokens that follow `prompt`, each as soon as it is known (with beam search, all at the end). `start`
 * precedes the prompt; by default it is the end of a line, or nothing for a model without a start token.
 * @throws RangeError if there is neither a start nor a prompt
 */
export async function* generate<State>(
  model: StepModel<State>,
  tokenizer: Pick<Tokenizer, 'kind' | 'startId' | 'encode' | 'decode' | 'token'>,
  prompt: string,
  options: GenerateOptions,
  start: Start<State> = beginning(model, tokenizer),
): AsyncGenerator<GeneratedToken, void, undefined> {
  const ids = tokenizer.encode(prompt);
  const context = [...start.ids, ...ids];
  const continuation = new Continuation(tokenizer, context);
  // Word tokenizers put a space before every word; the prompt may already end with one.
  let spaced = tokenizer.kind === 'word' && /\s$/.test(prompt);
  for await (const id of tokenIds(model, start.state, unreadIds(start, ids), options)) {
    const text = continuation.add(id);
    yield { id, token: tokenizer.token(id), text: spaced ? text.trimStart() : text };
    spaced = false;
  }
}

async function* tokenIds<State>(
  model: StepModel<State>,
  before: State,
  context: readonly number[],
  { maxTokens = 100, seed = 0, beamWidth, ...options }: GenerateOptions,
): AsyncGenerator<number, void, undefined> {
  const { step } = model;
  const state = await stateAfter(model, before, context.slice(0, -1), options.signal);
  const prompt = context.slice(-1);
  if (beamWidth === undefined) {
    yield* generateTokens({ step, state, prompt, maxTokens, random: seededRandom(seed), ...options });
  } else {
    const [best] = await beamSearch({ step, state, prompt, maxTokens, beamWidth, signal: options.signal });
    yield* best?.tokens ?? [];
  }
}
