/** A run as its folder tells it: configuration, state, and how far and how well it has come. */
import { isBeingWritten } from '../files/result-lock.js';
import { isBetter } from '../training/course.js';
import { type LineOf, type MetricsLine, readMetrics } from './metrics.js';
import { type RunConfiguration, readConfiguration } from './run-configuration.js';

/** `stopped`: the process was killed, and left no reason. */
export type RunState = 'running' | 'finished' | 'interrupted' | 'failed' | 'stopped';

export interface RunSummary {
  readonly folder: string;
  readonly configuration: RunConfiguration;
  readonly lines: readonly MetricsLine[];
  readonly state: RunState;
  /** Why it failed. */
  readonly reason?: string | undefined;
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  /** The best evaluation; undefined if there was none. */
  readonly best?: LineOf<'evaluation'> | undefined;
  readonly latest?: LineOf<'evaluation'> | undefined;
  /** The training loss: the mean of the last evaluated epoch, or else of the last steps. */
  readonly loss?: number | undefined;
  /** Seconds of all steps. */
  readonly seconds: number;
  /** Tokens or examples per second, over all workers. */
  readonly rate?: number | undefined;
}

/** The last steps whose mean loss stands for the run before its first evaluation. */
const lastSteps = 20;

/**
 * Reads the run of a folder; undefined if it holds none.
 * @throws UnrollError naming the file or line that is wrong
 */
export async function readRun(folder: string): Promise<RunSummary | undefined> {
  const configuration = readConfiguration(folder);
  if (!configuration) return undefined;
  return summaryOf(folder, configuration, readMetrics(folder), await isBeingWritten(folder));
}

export function summaryOf(
  folder: string,
  configuration: RunConfiguration,
  lines: readonly MetricsLine[],
  isWritten: boolean,
): RunSummary {
  const steps = linesOf(lines, 'step');
  const evaluations = linesOf(lines, 'evaluation').filter(({ value }) => value !== null);
  const [latest, lastStep] = [evaluations.at(-1), steps.at(-1)];
  const seconds = steps.reduce((sum, each) => sum + each.seconds, 0);
  const count = steps.reduce((sum, each) => sum + each.count, 0);
  const losses = steps.slice(-lastSteps).flatMap(({ loss }) => (loss === null ? [] : [loss]));
  const end = endOf(lines);
  return {
    ...{ folder, configuration, lines, seconds, latest, best: bestOf(evaluations) },
    state: isWritten ? 'running' : (end?.state ?? 'stopped'),
    reason: isWritten ? undefined : end?.reason,
    step: lines.at(-1)?.step ?? 0,
    totalSteps: linesOf(lines, 'start').at(-1)?.totalSteps ?? configuration.totalSteps,
    epoch: lastStep?.epoch ?? 0,
    loss:
      latest?.trainLoss ?? (losses.length > 0 ? losses.reduce((sum, loss) => sum + loss) / losses.length : undefined),
    rate: seconds > 0 ? count / seconds : undefined,
  };
}

export function linesOf<Type extends MetricsLine['type']>(
  lines: readonly MetricsLine[],
  type: Type,
): readonly LineOf<Type>[] {
  return lines.filter((line) => line.type === type) as unknown as LineOf<Type>[];
}

/** Returns how the last process ended; undefined if it left nothing. */
function endOf(lines: readonly MetricsLine[]): LineOf<'end'> | undefined {
  const last = lines.findLast(({ type }) => type === 'start' || type === 'end');
  return last?.type === 'end' ? last : undefined;
}

function bestOf(evaluations: readonly LineOf<'evaluation'>[]): LineOf<'evaluation'> | undefined {
  return evaluations.reduce<LineOf<'evaluation'> | undefined>((best, each) => {
    return isBetter(each.better, each.value!, best?.value ?? undefined) ? each : best;
  }, undefined);
}
