/** Scores a text: computes its probability under a model. */
import { logSoftmax } from '@unroll/core/decoding';
import type { Span } from '@unroll/core/text';
import { readRun, runsOf } from './reading.js';
import type { StepModel } from './step.js';

export interface IdScore {
  /** The natural logarithm of the whole sequence's probability. */
  readonly logProbability: number;
  /** The log-probability of each token, given those before it. */
  readonly tokenLogProbabilities: readonly number[];
  /** exp(−logProbability / number of tokens); 1 if there are no tokens, since nothing is uncertain. */
  readonly perplexity: number;
}

export interface Score extends IdScore {
  /** The scored tokens as written in the vocabulary. */
  readonly tokens: readonly string[];
  /** The part of the text that each token stands for: `text.slice(start, end)`. */
  readonly spans: readonly Span[];
  /** The surprise of each token, −log₂ of its probability, in bits; 0 if it was certain. */
  readonly surprises: readonly number[];
}

/**
 * Computes the probability of `ids` after `firstToken`, which the model reads in state `state`; default the initial
 * state. Without `firstToken`, the first id is read and not scored.
 */
export async function scoreIds<State>(
  model: StepModel<State>,
  firstToken: number | undefined,
  ids: readonly number[],
  { state = model.initialState, signal }: { state?: State; signal?: AbortSignal | undefined } = {},
): Promise<IdScore> {
  const tokenLogProbabilities: number[] = [];
  for await (const tokenLogProbability of logProbabilities(model, firstToken, ids, state)) {
    signal?.throwIfAborted();
    tokenLogProbabilities.push(tokenLogProbability);
  }
  return idScoreOf(tokenLogProbabilities);
}

/** Computes a text's scores from the log-probabilities of its tokens, in nats. */
export function scoreOf(tokenLogProbabilities: readonly number[]): Omit<Score, 'tokens' | 'spans'> {
  const surprises = tokenLogProbabilities.map((logProbability) => -logProbability / Math.LN2);
  return { surprises, ...idScoreOf(tokenLogProbabilities) };
}

function idScoreOf(tokenLogProbabilities: readonly number[]): IdScore {
  const logProbability = tokenLogProbabilities.reduce((sum, term) => sum + term, 0);
  return {
    logProbability,
    tokenLogProbabilities,
    perplexity: Math.exp(-logProbability / Math.max(1, tokenLogProbabilities.length)),
  };
}

/**
 * Yields the natural logarithm of each id's probability, given `firstToken` and the ids before it, in their order. Without
 * `firstToken`, the first id is read and has none.
 */
export async function* logProbabilities<State>(
  model: StepModel<State>,
  firstToken: number | undefined,
  ids: Iterable<number>,
  initialState: State = model.initialState,
): AsyncGenerator<number, void, undefined> {
  const rest = checked(ids);
  const first = firstToken === undefined ? rest.next() : { done: false, value: firstToken };
  if (first.done) return;
  let [context, state] = [first.value!, initialState];
  for (const run of runsOf(model, rest)) {
    const result = await readRun(model, state, [context, ...run.slice(0, -1)]);
    const vocabSize = result.logits.length / run.length;
    for (const [k, id] of run.entries()) {
      const tokenLogProbability = logSoftmax(result.logits.subarray(k * vocabSize, (k + 1) * vocabSize))[id];
      if (tokenLogProbability === undefined) {
        throw new RangeError(`id ${id}: the model's ids run from 0 to ${vocabSize - 1}`);
      }
      yield tokenLogProbability;
    }
    [context, state] = [run.at(-1)!, result.state];
  }
}

function* checked(ids: Iterable<number>): Generator<number, void, undefined> {
  for (const id of ids) {
    if (!Number.isSafeInteger(id) || id < 0) throw new RangeError(`id ${id}: must be a token's id`);
    yield id;
  }
}
