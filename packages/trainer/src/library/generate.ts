/** `generate`: text that a language model writes after a prompt, as a stream of tokens. */
import type { GeneratedToken, GenerateOptions } from '@unroll/edge-runtime';
import { z } from 'zod';
import { option } from '../configuration/option-names.js';
import { unknownTokens } from '../data/fit.js';
import type { DecodingModel } from '../decoding/decoding-model.js';
import { UsageError } from '../errors.js';
import type { Listener } from '../terminal/listener.js';
import { log } from '../terminal/log.js';
import { eventsInCode, listenerFields, parseOptions, signalField } from './in-code.js';
import { openModel, sourceFields } from './model-source.js';
import type { ModelSource } from './one-source.js';

/** The model, the prompt, and how tokens are chosen, with the names of the edge runtime. */
export interface GenerateTextOptions extends ModelSource, GenerateOptions, Listener {
  /** The beginning of the text; empty for the beginning of a line. */
  readonly prompt: string;
  /** The most tokens to write; default 100. With Infinity it goes on until the loop is left. */
  readonly maxTokens?: number;
}

const optionsSchema = z.strictObject({
  ...sourceFields,
  prompt: z.string(),
  maxTokens: z.union([z.int().positive(), z.literal(Number.POSITIVE_INFINITY)]).default(100),
  temperature: z.number().nonnegative().optional(),
  topK: z.int().positive().optional(),
  topP: z.number().positive().max(1).optional(),
  seed: z.int().nonnegative().optional(),
  beamWidth: z.int().positive().optional(),
  signal: signalField,
  ...listenerFields,
});

/**
 * Writes text after a prompt by a checkpoint or a bundle. The model is closed when the loop is left.
 * @returns the tokens, each as soon as it is known (with `beamWidth`, all at the end)
 * @throws UnrollError, BundleError with one line that says what is wrong with the options or the model; the signal's
 *   reason when it aborts
 * @example
 * for await (const { text } of generate({ checkpoint: 'runs/first', prompt: 'the dog', maxTokens: 20 })) {
 *   process.stdout.write(text);
 * }
 */
export function generate(options: GenerateTextOptions): AsyncGenerator<GeneratedToken, void, undefined> {
  return eventsInCode(options, async function* () {
    const { checkpoint, bundle, ...request } = parseOptions(optionsSchema, options, 'generate');
    requireOneChoice(request);
    await using model = await openModel({ checkpoint, bundle });
    yield* generateWith(model, request);
  });
}

export type GenerationRequest = Omit<z.infer<typeof optionsSchema>, keyof ModelSource | keyof Listener>;

/** Writes text for {@link generate} or the command. @throws the signal's reason when it aborts */
export async function* generateWith(
  model: DecodingModel,
  { prompt, beamWidth, maxTokens, signal, temperature, topK, topP, seed = 0 }: GenerationRequest,
): AsyncGenerator<GeneratedToken, void, undefined> {
  if (prompt === '' && model.tokenizer.startId === undefined) {
    throw new UsageError(
      `${option('prompt')}: is empty, and this model has no start token; give at least the first character`,
    );
  }
  const warning = unknownTokens(model.tokenizer, option('prompt'), prompt);
  if (warning !== undefined) log(warning, 'warning');
  const choice = beamWidth === undefined ? { temperature, topK, topP, seed } : { beamWidth };
  yield* model.generate(prompt, { ...choice, maxTokens, ...(signal ? { signal } : {}) });
}

/** @throws UsageError if an option of drawing is given together with a beam's width */
function requireOneChoice({ beamWidth, temperature, topK, topP, seed }: GenerationRequest): void {
  const [name] = Object.entries({ temperature, topK, topP, seed }).find(([, value]) => value !== undefined) ?? [];
  if (beamWidth === undefined || name === undefined) return;
  throw new UsageError(`generate.${name}: is for drawing tokens; leave it or beamWidth out`);
}
