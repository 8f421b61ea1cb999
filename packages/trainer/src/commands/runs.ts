/** `unroll runs`: compares runs as a table, as JSON or as a picture. */
import { type Command, InvalidArgumentError } from 'commander';
import type { RunFields } from '../runs/run-fields.js';
import type { RunSummary } from '../runs/run-summary.js';
import { log } from '../terminal/log.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface RunsFlags {
  sort?: string;
  descending?: boolean;
  filter?: string[];
  all?: boolean;
  plot?: string;
  json?: boolean;
}

export function addRuns(program: Command): void {
  const command = program
    .command('runs')
    .description('compare runs: a table of their results and of what differs in how they were configured')
    .argument('<dir...>', 'folders of runs, or folders that hold such')
    .option('--sort <field>', 'order by a column, or any other field, such as best or learning-rate')
    .option('--descending', 'order from the greatest to the least')
    .option('--filter <condition...>', "only runs for which this holds, such as 'learning-rate<0.01' or state=finished")
    .option('--all', 'show the whole configuration, not only what differs')
    .option('--plot <file.svg>', 'draw the curves of these runs, too', svgFile)
    .addOption(jsonOption())
    .action(showRuns);
  addExamples(
    command,
    'runs runs',
    'runs sweeps/rates --sort best --plot rates.svg',
    'runs runs --filter state=finished --json',
  );
}

function svgFile(path: string): string {
  if (path.toLowerCase().endsWith('.svg')) return path;
  throw new InvalidArgumentError('It must end with .svg.');
}

async function showRuns(places: string[], flags: RunsFlags): Promise<void> {
  const { findRuns } = await import('../runs/find-runs.js');
  const { fieldsOf, orderOf, parseCondition, requireField } = await import('../runs/run-fields.js');
  const { presentOption } = await import('../configuration/former-names.js');
  const { descending = false, filter = [], all = false, plot, json } = flags;
  const sort = flags.sort === undefined ? undefined : presentOption(flags.sort);
  const conditions = filter.map(parseCondition).map((each) => ({ ...each, field: presentOption(each.field) }));
  const found = (await findRuns(places)).map((run) => ({ run, fields: fieldsOf(run) }));
  const allFields = found.map(({ fields }) => fields);
  for (const { field } of conditions) requireField('--filter', field, allFields);
  if (sort !== undefined) requireField('--sort', sort, allFields);
  const kept = found.filter(({ fields }) => conditions.every(({ field, isMet }) => isMet(fields[field])));
  if (sort !== undefined) {
    kept.sort((a, b) => {
      const [left, right] = [a.fields[sort], b.fields[sort]];
      // Missing values are last in either order.
      const isReversed = descending && left !== undefined && right !== undefined;
      return isReversed ? orderOf(right, left) : orderOf(left, right);
    });
  } else if (descending) kept.reverse();
  if (plot !== undefined)
    await drawRuns(
      plot,
      kept.map(({ run }) => run),
    );
  await printRuns(
    kept.map(({ fields }) => fields),
    { all, json },
  );
}

/** Prints the table of runs, or the runs as JSON. */
export async function printRuns(
  runs: readonly RunFields[],
  { all = false, json }: { readonly all?: boolean; readonly json?: boolean | undefined },
): Promise<void> {
  const { configurationFields, differingFields } = await import('../runs/run-fields.js');
  const { runTable } = await import('../runs/run-table.js');
  const columns = all ? configurationFields(runs) : differingFields(runs);
  await printResult(json, { runs }, () =>
    runs.length === 0 ? 'no run meets the conditions' : runTable(runs, columns),
  );
}

async function drawRuns(path: string, runs: readonly RunSummary[]): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  const { curvesSvg } = await import('../runs/curves-svg.js');
  const { panelsOf } = await import('../runs/run-curves.js');
  const { fileErrorReason } = await import('../files/file-error.js');
  const { UnrollError } = await import('../errors.js');
  const { counted } = await import('@unroll/param-server/config');
  const picture = curvesSvg(panelsOf(runs.map((run) => ({ name: run.folder, run }))));
  await writeFile(path, picture).catch((error: unknown) => {
    throw new UnrollError(`--plot: ${path} cannot be written: ${fileErrorReason(error)}; choose another file`);
  });
  log(`${path}: the curves of ${counted(runs.length, 'run')}`);
}
