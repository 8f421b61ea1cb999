/** Checks made before a run begins: of the training and its workers. */
import { option } from '../configuration/option-names.js';
import { UsageError } from '../errors.js';
import { requireCodecFits } from './gradient-codec.js';
import type { TrainingJob } from './job.js';

/**
 * Checks that the training can be divided among the workers. Mixed precision is excluded, because each worker would
 * choose its own loss scale.
 * @throws UsageError if they cannot share the batch evenly, or if a setting is for one process only
 */
export function requireShareable({ training, facts }: TrainingJob, workers: number): void {
  const { batchSize, precision } = training;
  if (precision === 'mixed') {
    throw new UsageError(
      `${option('precision')}: mixed is for one process; leave out ${option('workers')} and ${option('servers')}, or ${option('precision')}`,
    );
  }
  const { schedule, optimizer, accumulate } = training;
  // Only the chief evaluates.
  if (schedule.name === 'plateau') throw forOneProcess(option('schedule'), 'plateau ');
  if (optimizer.name === 'nt-asgd') throw forOneProcess(option('optimizer'), 'nt-asgd ');
  if (accumulate > 1) throw forOneProcess(option('accumulate'));
  if (batchSize % workers !== 0) {
    throw new UsageError(
      `${option('batchSize')}: ${batchSize} ${facts.unit === 'tokens' ? 'sequences' : 'examples'} cannot be shared evenly by ${workers} workers`,
    );
  }
  requireCodecFits(training);
}

function forOneProcess(flag: string, value = ''): UsageError {
  return new UsageError(
    `${flag}: ${value}is for one process; leave out ${option('workers')} and ${option('servers')}, or ${flag}`,
  );
}

/**
 * Checks that the training can run in one process.
 * @throws UsageError if it needs several workers
 */
export function requireAlone({ training: { mode, gradientCodec }, tables }: TrainingJob): void {
  if (tables) {
    throw new UsageError(
      `${option('tables')}: rows are for workers and parameter servers; give ${option('workers')} or ${option('servers')}`,
    );
  }
  if (gradientCodec.name !== 'float32') {
    throw new UsageError(
      `${option('gradientCodec')}: is for workers and parameter servers; give ${option('workers')} or ${option('servers')}`,
    );
  }
  if (mode.name === 'sync') return;
  throw new UsageError(
    `${option('mode')}: ${mode.name} is for workers and parameter servers; give ${option('workers')} or ${option('servers')}`,
  );
}
