/** Checks made before a run begins: of the training, its workers and the checkpoint that it resumes from. */
import { UnrollError, UsageError } from '../errors.js';
import type { TrainingConfig } from './config.js';
import { requireCodecFits } from './gradient-codec.js';
import { totalSteps } from './loop.js';
import type { PreparedTraining } from './prepare.js';
import { requireTablesFit } from './softmax.js';
import { StepPlan } from './step-plan.js';
import { allLaneBatches } from './work.js';

/**
 * Checks that the training can be divided among the workers. Mixed precision is excluded, because each worker would
 * choose its own loss scale.
 * @throws UsageError if they cannot share the batch evenly, or if a setting is for one process only
 */
export function requireShareable(training: TrainingConfig, workers: number): void {
  const { batchSize, precision } = training;
  if (precision === 'mixed') {
    throw new UsageError('--precision: mixed is for one process; leave out --workers and --servers, or --precision');
  }
  const { schedule, optimizer, accumulate } = training;
  // Only the chief evaluates.
  if (schedule.name === 'plateau') throw forOneProcess('--schedule', 'plateau ');
  if (optimizer.name === 'nt-asgd') throw forOneProcess('--optimizer', 'nt-asgd ');
  if (accumulate > 1) throw forOneProcess('--accumulate');
  if (batchSize % workers !== 0) {
    throw new UsageError(`--batch-size: ${batchSize} sequences cannot be shared evenly by ${workers} workers`);
  }
  requireCodecFits(training);
  requireTablesFit(training);
}

function forOneProcess(flag: string, value = ''): UsageError {
  return new UsageError(`${flag}: ${value}is for one process; leave out --workers and --servers, or ${flag}`);
}

/**
 * Checks that the training can run in one process.
 * @throws UsageError if it needs several workers
 */
export function requireAlone({ mode, gradientCodec, tables }: TrainingConfig): void {
  if (tables === 'rows') {
    throw new UsageError('--tables: rows are for workers and parameter servers; give --workers or --servers');
  }
  if (gradientCodec.name !== 'float32') {
    throw new UsageError('--gradient-codec: is for workers and parameter servers; give --workers or --servers');
  }
  if (mode.name === 'sync') return;
  throw new UsageError(`--mode: ${mode.name} is for workers and parameter servers; give --workers or --servers`);
}

/**
 * Checks that a resumed training has steps left.
 * @throws UnrollError if the checkpoint has had all its steps
 */
export function requireStepsLeft(prepared: PreparedTraining, folder: string): void {
  const { training, resumed } = prepared;
  const { stepsPerEpoch } = new StepPlan(allLaneBatches(prepared).stepsPerEpoch, training.mode);
  if (!resumed || resumed.state.step < totalSteps(training, stepsPerEpoch)) return;
  throw new UnrollError(
    `${folder}: has had all its ${resumed.state.step} steps; give more --epochs or --max-steps to train on`,
  );
}
