/** `run.json`: everything that a run was configured by, and each of its starts with versions and machine. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { schemaFault, UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { replaceFile } from '../files/replace-file.js';
import { configurationFile } from '../files/run-files.js';
import type { RunStart } from '../training/run.js';
import { version } from '../version.js';

const sessionSchema = z.object({
  /** When it began, as ISO 8601. */
  started: z.string(),
  /** The step that it went on from; 0 at first. */
  firstStep: z.int().nonnegative(),
  /** The words of its command after `unroll`; absent for a program that called `train`. */
  command: z.array(z.string()).optional(),
  engine: z.string(),
  /** Threads of the process; 0 for all cores. */
  threads: z.int().nonnegative(),
  workers: z.int().positive(),
  versions: z.object({
    unroll: z.string(),
    node: z.string(),
    onnxruntime: z.string().optional(),
    /** The commit of the working folder's Git repository, with `-dirty` if files differ from it. */
    commit: z.string().optional(),
  }),
  machine: z.object({
    host: z.string(),
    platform: z.string(),
    processor: z.string(),
    cores: z.int().positive(),
    memoryBytes: z.number(),
  }),
});

const configurationSchema = z.object({
  /** The value of `--data`; empty for a module or a model in memory. */
  data: z.string(),
  /** The application; absent for a language model. */
  task: z.string().optional(),
  unit: z.string(),
  trainCount: z.int().nonnegative(),
  validCount: z.int().nonnegative(),
  vocabSize: z.int().positive().optional(),
  metric: z.string(),
  better: z.enum(['higher', 'lower']),
  parameters: z.int().nonnegative(),
  totalSteps: z.int().nonnegative(),
  stepsPerEpoch: z.int().positive(),
  /** The configuration of the training, as in the checkpoint. */
  settings: z.record(z.string(), z.unknown()),
  /** The processes that trained, one after another: a resumed run has several. */
  sessions: z.array(sessionSchema).min(1),
});

export type RunConfiguration = z.infer<typeof configurationSchema>;
export type RunSession = z.infer<typeof sessionSchema>;

/** How a process of the run was started. */
export interface SessionStart {
  readonly data: string;
  readonly command?: readonly string[] | undefined;
  readonly threads: number;
  readonly workers: number;
}

/** Returns the configuration of a run that begins, or goes on after `before`. */
export function configurationOf(
  start: RunStart,
  { data, command, threads, workers }: SessionStart,
  before?: RunConfiguration,
): RunConfiguration {
  const { engine, parameters, settings, firstStep, totalSteps, stepsPerEpoch } = start;
  const { task, unit, trainCount, validCount, vocabSize, metric, better } = start;
  const session = {
    started: new Date().toISOString(),
    ...{
      firstStep,
      command: command && [...command],
      engine,
      threads,
      workers,
      versions: versions(),
      machine: machine(),
    },
  };
  return {
    ...{ data, task, unit, trainCount, validCount, vocabSize, metric, better, parameters, totalSteps, stepsPerEpoch },
    settings: { ...settings },
    sessions: [...(before?.sessions ?? []), session],
  };
}

/** Writes the file into an existing folder. @throws the file system's error */
export function writeConfiguration(folder: string, configuration: RunConfiguration): void {
  replaceFile(join(folder, configurationFile), `${JSON.stringify(configuration, null, 2)}\n`);
}

/**
 * Reads the file of a run's folder; undefined if there is none.
 * @throws UnrollError naming what is wrong with it
 */
export function readConfiguration(folder: string): RunConfiguration | undefined {
  const path = join(folder, configurationFile);
  if (!existsSync(path)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : `cannot be read: ${fileErrorReason(error)}`;
    throw new UnrollError(`${path}: ${why}; restore it, or remove it and resume the run`);
  }
  const { success, data, error } = configurationSchema.safeParse(json);
  if (success) return data;
  throw new UnrollError(`${path}: ${schemaFault(error)}; was it edited? Restore it, or remove it and resume the run`);
}

function versions(): RunSession['versions'] {
  return {
    unroll: version,
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node'),
    commit: commitOf(process.cwd()),
  };
}

function versionOf(name: string): string | undefined {
  try {
    return (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** Returns the commit of a folder's Git repository; undefined if it is in none, or there is no Git. */
function commitOf(folder: string): string | undefined {
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

function machine(): RunSession['machine'] {
  return {
    host: hostname(),
    platform: `${process.platform}/${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
