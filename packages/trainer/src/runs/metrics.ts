/**
 * The lines of `metrics.jsonl`, and reading them. Every line is one JSON object with a `type`, the `time` in seconds
 * since 1970 and the `step`, the number of updates made so far. docs/training.md lists the fields.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { schemaFault, UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { metricsFile } from '../files/run-files.js';

const common = { time: z.number(), step: z.int().nonnegative() };
/** JSON has no numbers that are not finite: they are null. */
const figure = z.number().nullable();

const lineSchema = z.discriminatedUnion('type', [
  /** A process of the run begins to train. `step` is the one that it goes on from, 0 at first. */
  z.object({
    type: z.literal('start'),
    ...common,
    resumed: z.boolean(),
    totalSteps: z.int().nonnegative(),
    stepsPerEpoch: z.int().positive(),
    epochs: z.int().positive(),
  }),
  /** One update. `count` is its tokens or examples over all workers, `seconds` its time. */
  z.object({
    type: z.literal('step'),
    ...common,
    epoch: z.int().positive(),
    loss: figure,
    learningRate: figure,
    gradientNorm: figure,
    count: z.number(),
    seconds: z.number(),
  }),
  /** One measurement on the validation data; `trainLoss` is the mean of the epoch so far. */
  z.object({
    type: z.literal('evaluation'),
    ...common,
    epoch: z.int().positive(),
    metric: z.string(),
    better: z.enum(['higher', 'lower']),
    value: figure,
    trainLoss: figure,
  }),
  /** Text that the model wrote after a prompt. */
  z.object({ type: z.literal('sample'), ...common, prompt: z.string(), text: z.string() }),
  /** The process that trains: its processor time since its start, and its memory. */
  z.object({ type: z.literal('process'), ...common, cpuSeconds: z.number(), memoryBytes: z.number() }),
  /** A line for people. */
  z.object({
    type: z.literal('notice'),
    ...common,
    severity: z.enum(['info', 'warning', 'error']),
    line: z.string(),
  }),
  /** The process ends. A process that was killed leaves no such line. */
  z.object({
    type: z.literal('end'),
    ...common,
    state: z.enum(['finished', 'interrupted', 'failed']),
    reason: z.string().optional(),
  }),
]);

export type MetricsLine = z.infer<typeof lineSchema>;
export type LineOf<Type extends MetricsLine['type']> = Extract<MetricsLine, { type: Type }>;
/** A line without its time, which is that of writing. */
export type NewLine = MetricsLine extends infer Line
  ? Line extends { time: number }
    ? Omit<Line, 'time'>
    : never
  : never;

/**
 * Reads the lines of a run's folder. A last line that was cut off is left out: its process was killed, or is writing
 * it. A folder without the file has no lines.
 * @throws UnrollError naming the line that is not one of ours
 */
export function readMetrics(folder: string): MetricsLine[] {
  const path = join(folder, metricsFile);
  if (!existsSync(path)) return [];
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UnrollError(`${path}: cannot be read: ${fileErrorReason(error)}`);
  }
  return parseMetrics(text, path);
}

/**
 * Parses whole lines.
 * @param first the number of the first line, for errors
 * @throws UnrollError naming the line that is not one of ours
 */
export function parseMetrics(text: string, path: string, first = 1): MetricsLine[] {
  const lines = text.split('\n');
  // After the last line break is a line that was cut off, or nothing.
  lines.pop();
  return lines.map((line, k) => parseLine(line, `${path}, line ${first + k}`));
}

function parseLine(line: string, place: string): MetricsLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new UnrollError(`${place}: is not JSON; was the file edited? Restore it, or remove the line`);
  }
  const { success, data, error } = lineSchema.safeParse(json);
  if (success) return data;
  throw new UnrollError(`${place}: ${schemaFault(error)}; was the file edited? Restore it, or remove the line`);
}
