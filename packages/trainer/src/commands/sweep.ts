/** `unroll sweep`: trains with every combination of some options, or with random ones, and compares the runs. */
import { availableParallelism } from 'node:os';
import { type Command, CommanderError, Command as Parser } from 'commander';
import { formerFlags } from '../configuration/former-names.js';
import { Interruption, UnrollError, UsageError } from '../errors.js';
import type { PlannedRun } from '../sweep/plan.js';
import { interruptible } from '../terminal/interrupt.js';
import { nonNegativeInteger, positiveInteger } from '../terminal/number-arguments.js';
import { addJobFlags, type JobFlags, jobData } from './job-request.js';
import { addExamples, printResult } from './options.js';
import { printRuns } from './runs.js';

interface SweepFlags extends JobFlags {
  grid?: string[];
  random?: string[];
  trials?: number;
  drawSeed: number;
  parallel?: number;
  index?: number;
  list?: boolean;
  tensorboard?: boolean;
}

/** Flags that the sweep gives to each run itself, or that are for its own output. */
const ownFlags = ['--grid', '--random', '--trials', '--draw-seed', '--parallel', '--index', '--list', '--tensorboard'];
const handledFlags = ['--out', '--threads', '--json', '--log-format'];
const refusedFlags: Readonly<Record<string, string>> = {
  '--resume': 'a sweep that is started again goes on by itself; leave it out',
  '--overwrite': 'is not for a sweep; remove its folder, or choose another --out',
};

export function addSweep(program: Command): void {
  const command = program
    .command('sweep')
    .description('train with each combination of options, or with random ones, several runs at once, and compare them')
    .option('--grid <option=values...>', 'train with each of these values, as in learning-rate=0.1,0.01')
    .option(
      '--random <option=range...>',
      'draw values, as in learning-rate=loguniform:0.001..0.1, dropout=uniform:0..0.5 or cell=lstm,gru',
    )
    .option('--trials <n>', 'random draws for each point of the grid', positiveInteger)
    .option('--draw-seed <n>', 'seed of the random draws', nonNegativeInteger, 1)
    .option('--parallel <n>', 'runs at once (default: as many as there are cores)', positiveInteger)
    .option(
      '--index <i>',
      'make only this run, from 0: that of one task of a scheduler’s array job',
      nonNegativeInteger,
    )
    .option('--list', 'list the runs and their indices, and make none')
    .option('--tensorboard', 'write TensorBoard’s event files of each run beside its folder');
  addJobFlags(command);
  const words = rawWords(command);
  command.action((flags: SweepFlags) => sweep(flags, command, words));
  addExamples(
    command,
    'sweep --data grammar --out sweeps/rates --epochs 2 --grid learning-rate=0.001,0.003,0.01',
    'sweep --data grammar --out sweeps/sizes --max-steps 500 --grid cell=lstm,gru hidden-dim=64,128 --parallel 2',
    'sweep --data grammar --out sweeps/random --epochs 2 --trials 20 --random learning-rate=loguniform:1e-4..1e-1',
    'sweep --data grammar --out sweeps/rates --grid learning-rate=0.001,0.003,0.01 --index $SLURM_ARRAY_TASK_ID',
  );
}

/** Collects the flags of a command line as they are written, with their values, as commander reads them. */
function rawWords(command: Command): [string, string | undefined][] {
  const words: [string, string | undefined][] = [];
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: string | null | undefined) =>
      words.push([option.long!, value ?? undefined]),
    );
  }
  return words;
}

async function sweep(flags: SweepFlags, command: Command, given: [string, string | undefined][]): Promise<void> {
  const { grid = [], random = [], trials, drawSeed: seed, index, list, out, json } = flags;
  for (const [flag] of given) if (refusedFlags[flag]) throw new UsageError(`${flag}: ${refusedFlags[flag]}`);
  if (grid.length + random.length === 0) throw new UsageError('--grid: is missing; give --grid, --random or both');
  if (random.length > 0 !== (trials !== undefined)) {
    throw new UsageError('--trials: goes with --random, and says how many draws to make; give both or neither');
  }
  const shared = given
    .filter(([flag]) => !ownFlags.includes(flag) && !handledFlags.includes(flag))
    .map(([flag, value]) => [formerFlags.get(flag) ?? flag, value] as const)
    .flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value]));
  const { planOf } = await import('../sweep/plan.js');
  const plan = planOf({ grid, random, trials: trials ?? 1, seed, kindOf: (flag) => kindOf(flag, command) });
  for (const run of plan) await requireValid(run, shared, out);
  if (index !== undefined && index >= plan.length) {
    throw new UsageError(`--index: ${index} is not below the ${plan.length} runs of the sweep; --list lists them`);
  }
  if (list) {
    const runs = plan.map(({ name, words }, k) => ({ index: k, run: `${out}/${name}`, words }));
    return printResult(json, { runs }, () => runs.map((run) => `${run.index}  ${run.run}`).join('\n'));
  }
  const cores = availableParallelism();
  const count = index === undefined ? plan.length : 1;
  const parallel = Math.min(count, flags.parallel ?? Math.max(1, Math.floor(cores / (flags.threads ?? 1))));
  const threads = flags.threads ?? Math.max(1, Math.floor(cores / parallel));
  const { runSweep } = await import('../sweep/run-sweep.js');
  const failed = await interruptible(async (signal) => {
    const found = await runSweep(
      { out, shared, plan },
      { index, parallel, threads, signal, hasEvents: flags.tensorboard },
    );
    if (!signal.aborted) return found;
    const line = 'interrupted; the same command goes on with the runs that are not finished';
    throw new Interruption(line, (signal.reason as Interruption).signal);
  });
  await printSweep(out, index === undefined ? undefined : plan[index]!.name, json);
  if (failed.length === 0) return;
  const [{ name, reason }] = failed as [(typeof failed)[number]];
  throw new UnrollError(
    `${failed.length} of ${count} runs failed, the first ${name}: ${reason}; the same command tries them again`,
  );
}

function kindOf(flag: string, command: Command): 'integer' | 'toggle' | 'other' {
  const option = command.options.find(({ long }) => long === flag);
  if (!option || ownFlags.includes(flag) || handledFlags.includes(flag) || flag in refusedFlags) {
    throw new UsageError(
      `--grid: ${flag.slice(2)} is no option that runs can differ in; unroll train --help lists them`,
    );
  }
  if (option.isBoolean()) return 'toggle';
  return option.flags.endsWith('<n>') ? 'integer' : 'other';
}

/** Reads a run's flags as `unroll train` does. @throws UsageError naming the option that is wrong, and its run */
async function requireValid({ name, words }: PlannedRun, shared: readonly string[], out: string): Promise<void> {
  const program = new Parser().exitOverride().configureOutput({ writeErr: () => undefined });
  const train = addJobFlags(
    program
      .command('train')
      .exitOverride()
      .configureOutput({ writeErr: () => undefined }),
  );
  train.action(() => undefined);
  try {
    program.parse(['train', ...shared, ...words, '--out', out], { from: 'user' });
    await jobData(train.opts<JobFlags>(), train);
  } catch (error) {
    if (!(error instanceof CommanderError || error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message.replace(/^error: /, '')} (run ${name})`);
  }
}

/** Prints the table of the runs, the best first. */
async function printSweep(out: string, only: string | undefined, json: boolean | undefined): Promise<void> {
  const { findRuns, hasRuns } = await import('../runs/find-runs.js');
  const { fieldsOf, orderOf } = await import('../runs/run-fields.js');
  const folder = only === undefined ? out : `${out}/${only}`;
  // A run that failed before it began has left nothing.
  const runs = hasRuns(folder) ? await findRuns([folder]) : [];
  const sign = runs[0]?.configuration.better === 'higher' ? -1 : 1;
  const worst = (value: number | undefined) => (value === undefined ? undefined : sign * value);
  const sorted = runs.toSorted((a, b) => orderOf(worst(a.best?.value ?? undefined), worst(b.best?.value ?? undefined)));
  await printRuns(sorted.map(fieldsOf), { json });
}
