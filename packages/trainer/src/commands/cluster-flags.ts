/** The flags of parameter servers that `param-server`, `train` and `launch` share. */
import { defaultMaxParameters, fewestSnapshots, mostMaxParameters } from '@unroll/param-server/config';
import { type Command, InvalidArgumentError } from 'commander';
import { nonNegativeInteger, positiveInteger } from '../terminal/number-arguments.js';

/** Adds the flags for how servers treat absent workers and guard against their own end. */
export function addServerPolicyFlags(command: Command): Command {
  return command
    .option('--min-workers <n>', 'go on with so few workers, who share the lanes (default: all)', positiveInteger)
    .option('--backup-workers <n>', 'make each step without the slowest so many workers', nonNegativeInteger, 0)
    .option('--lease <seconds>', 'report a worker that is silent for longer', positiveInteger, 15)
    .option('--worker-timeout <seconds>', 'give up a worker that is silent for longer', positiveInteger, 600)
    .option('--snapshot-dir <dir>', 'where parameter servers keep snapshots, to go on from when they are killed')
    .option('--snapshot-every <steps>', 'steps between snapshots; 0 for none', nonNegativeInteger, 200)
    .option('--keep-snapshots <n>', `how many of the last to keep, at least ${fewestSnapshots}`, snapshotCount, 3)
    .option(
      '--max-parameters <n>',
      'refuse a model with more parameters and lane states on one server',
      parameterCount,
      defaultMaxParameters,
    );
}

export function addLaunchFlags(command: Command): Command {
  return addServerPolicyFlags(command).option(
    '--max-restarts <n>',
    'how often a process that was killed is started again; counted anew after a minute of life',
    nonNegativeInteger,
    10,
  );
}

function parameterCount(text: string): number {
  const count = positiveInteger(text);
  if (count > mostMaxParameters) throw new InvalidArgumentError(`It must be at most ${mostMaxParameters}.`);
  return count;
}

function snapshotCount(text: string): number {
  const count = positiveInteger(text);
  if (count < fewestSnapshots) throw new InvalidArgumentError(`It must be at least ${fewestSnapshots}.`);
  return count;
}
