/** `score`: the probability of a text under a language model, token by token. */
import { z } from 'zod';
import { option } from '../configuration/option-names.js';
import { unknownTokens } from '../data/fit.js';
import { UsageError } from '../errors.js';
import type { Listener } from '../terminal/listener.js';
import { log } from '../terminal/log.js';
import { inCode, listenerFields, parseOptions } from './in-code.js';
import { openModel, sourceFields } from './model-source.js';
import type { ModelSource } from './one-source.js';

/** The model, and what it is to score: a text or token ids. */
export interface ScoreOptions extends ModelSource, Listener {
  /** The text, as the start of a line; no line end is added to it. */
  readonly text?: string | undefined;
  /** Token ids in place of a text. */
  readonly ids?: readonly number[] | undefined;
}

/** The probability of a text. Arrays have a value for each of its tokens, but for the first if the model has no start token. */
export interface TextScore {
  /** The tokens as written in the vocabulary. */
  readonly tokens: readonly string[];
  /** The natural logarithm of the text's probability. */
  readonly logProbability: number;
  /** The natural logarithm of each token's probability, given those before it. */
  readonly tokenLogProbabilities: readonly number[];
  /** exp(−logProbability / number of tokens) */
  readonly perplexity: number;
  /** The number of tokens that the vocabulary lacks. */
  readonly unknown: number;
}

const optionsSchema = z.strictObject({
  ...sourceFields,
  text: z.string().optional(),
  ids: z.array(z.int().nonnegative()).optional(),
  ...listenerFields,
});

/**
 * Scores a text under a checkpoint or a bundle.
 * @throws UnrollError, BundleError with one line that says what is wrong with the options or the model
 * @example
 * const { perplexity, tokens } = await score({ checkpoint: 'runs/first', text: 'the dog sees anna' });
 */
export function score(options: ScoreOptions): Promise<TextScore> {
  return inCode(options, () => scoreText(parseOptions(optionsSchema, options, 'score')));
}

/** Scores a text for {@link score} or the command. @throws as {@link score}, with flags in its lines */
export async function scoreText({
  text,
  ids: given,
  ...source
}: Omit<ScoreOptions, keyof Listener>): Promise<TextScore> {
  if (text === undefined && given === undefined) throw new UsageError(`give ${option('text')} or ${option('ids')}`);
  if (text !== undefined && given !== undefined)
    throw new UsageError(`${option('text')} and ${option('ids')}: leave one of them out`);
  await using model = await openModel(source);
  const { tokenizer } = model;
  const warning = text === undefined ? undefined : unknownTokens(tokenizer, option('text'), text);
  if (warning !== undefined) log(warning, 'warning');
  const ids = given ?? tokenizer.encode(text!);
  const foreign = ids.find((id) => id >= tokenizer.vocabSize);
  if (foreign !== undefined) {
    throw new UsageError(
      `${option('ids')}: ${foreign} is no token; the vocabulary's ids run from 0 to ${tokenizer.vocabSize - 1}`,
    );
  }
  const { logProbability, tokenLogProbabilities, perplexity } = await model.scoreIds([...ids]);
  const unknown = [...ids].filter((id) => id === tokenizer.unkId).length;
  const scored = tokenizer.startId === undefined ? ids.slice(1) : ids;
  const tokens = Array.from(scored, (id) => tokenizer.token(id));
  return { tokens, logProbability, tokenLogProbabilities, perplexity, unknown };
}
