// Beam search for the most probable continuations: at every length it keeps the `beamWidth` best prefixes.

import { logSoftmax } from './log-softmax.js';
import { checkPositiveInteger, mostProbable } from './sampling.js';
import { type DecodingStep, type DecodingStepResult, readPrompt } from './step.js';

export interface BeamSearchOptions<State> {
  readonly step: DecodingStep<State>;
  /** The state before the prompt. */
  readonly state: State;
  /** Ids that the model reads first, at least one. */
  readonly prompt: readonly number[];
  /** Number of prefixes kept at every length, and the most results returned. */
  readonly beamWidth: number;
  /** The most tokens of a result, including its stop token. */
  readonly maxTokens: number;
  /** Ids that end a result. They count in its probability and length but are left out of its tokens. Default: none. */
  readonly stop?: readonly number[] | undefined;
  /**
   * The exponent α of the length normalisation of Wu et al. 2016 ("Google's Neural Machine Translation System",
   * equation 14): a result's score is log p / ((5 + length) / 6)^α. Default 0: no normalisation.
   */
  readonly lengthPenalty?: number | undefined;
  /** Aborting ends the search between two steps and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A continuation that beam search found. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** The natural logarithm of the continuation's probability after the prompt, including the stop token. */
  readonly logProbability: number;
  /** `logProbability` after length normalisation; results are sorted by it. */
  readonly score: number;
  /** Whether a stop token ended it, rather than `maxTokens`. */
  readonly finished: boolean;
}

/** A prefix that may still grow, and the model's prediction of its next token. */
interface Prefix<State> {
  readonly tokens: readonly number[];
  readonly logProbability: number;
  readonly next: DecodingStepResult<State>;
}

/** A prefix extended by one token. */
interface Extension<State> {
  readonly prefix: Prefix<State>;
  readonly token: number;
  readonly logProbability: number;
}

/**
 * Finds at most `beamWidth` continuations of `prompt`, the best score first. Stops as soon as no growing prefix can
 * beat the results found so far.
 *
 * @throws RangeError for an option out of range; the signal's reason when aborted
 */
export async function beamSearch<State>(options: BeamSearchOptions<State>): Promise<Hypothesis[]> {
  const { step, state, prompt, beamWidth, maxTokens, stop = [], lengthPenalty = 0, signal } = options;
  checkPositiveInteger('beamWidth', beamWidth);
  checkPositiveInteger('maxTokens', maxTokens);
  if (!(lengthPenalty >= 0)) throw new RangeError(`lengthPenalty ${lengthPenalty}: must be a number of at least 0`);
  const scoreOf = (logProbability: number, length: number) => logProbability / ((5 + length) / 6) ** lengthPenalty;

  let results: Hypothesis[] = [];
  let prefixes: Prefix<State>[] = [
    { tokens: [], logProbability: 0, next: await readPrompt(step, state, prompt, signal) },
  ];
  for (let length = 1; length <= maxTokens && prefixes.length > 0; length++) {
    const extensions = prefixes.flatMap((prefix) => extend(prefix, stop, beamWidth));
    const grown = best(
      extensions.filter(({ token }) => !stop.includes(token)),
      beamWidth,
    );
    const complete = length === maxTokens ? extensions : extensions.filter(({ token }) => stop.includes(token));
    results = results
      .concat(complete.map((extension) => hypothesis(extension, stop, scoreOf(extension.logProbability, length))))
      .sort((a, b) => b.score - a.score)
      .slice(0, beamWidth);
    // A prefix only loses probability as it grows, and the normalisation divides it at most by that of the longest
    // length.
    const reachable = ({ logProbability }: Extension<State>) => scoreOf(logProbability, maxTokens);
    const worst = results.length < beamWidth ? Number.NEGATIVE_INFINITY : results.at(-1)!.score;
    prefixes =
      length === maxTokens
        ? []
        : await grow(
            grown.filter((prefix) => reachable(prefix) > worst),
            step,
            signal,
          );
  }
  return results;
}

/** The stop tokens and the `count` best other tokens after `prefix`. */
function extend<State>(prefix: Prefix<State>, stop: readonly number[], count: number): Extension<State>[] {
  const logProbabilities = logSoftmax(prefix.next.logits);
  const likely = mostProbable(logProbabilities, count + stop.length);
  const tokens = new Set([...likely, ...stop]);
  return Array.from(tokens, (token) => ({
    prefix,
    token,
    logProbability: prefix.logProbability + logProbabilities[token]!,
  })).filter(({ logProbability }) => logProbability > Number.NEGATIVE_INFINITY);
}

function best<State>(extensions: readonly Extension<State>[], count: number): Extension<State>[] {
  return extensions.toSorted((a, b) => b.logProbability - a.logProbability).slice(0, count);
}

/** Runs the model over the last token of each extension, one at a time, because a session runs one step at a time. */
async function grow<State>(
  extensions: readonly Extension<State>[],
  step: DecodingStep<State>,
  signal: AbortSignal | undefined,
): Promise<Prefix<State>[]> {
  const prefixes: Prefix<State>[] = [];
  for (const { prefix, token, logProbability } of extensions) {
    signal?.throwIfAborted();
    const next = await step(prefix.next.state, token);
    prefixes.push({ tokens: [...prefix.tokens, token], logProbability, next });
  }
  return prefixes;
}

function hypothesis<State>(extension: Extension<State>, stop: readonly number[], score: number): Hypothesis {
  const { prefix, token, logProbability } = extension;
  const finished = stop.includes(token);
  return { tokens: finished ? prefix.tokens : [...prefix.tokens, token], logProbability, score, finished };
}
