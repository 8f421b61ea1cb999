/** The panels of a picture of runs: training loss and validation metric over the steps. */
import type { Panel } from './curves-svg.js';
import { linesOf, type RunSummary } from './run-summary.js';

/** Returns the panels for runs, under these names. */
export function panelsOf(runs: readonly { readonly name: string; readonly run: RunSummary }[]): Panel[] {
  const metrics = [...new Set(runs.map(({ run }) => run.configuration.metric))];
  const losses = runs.map(({ name, run }) => ({
    name,
    points: linesOf(run.lines, 'step').map(({ step, loss }) => [step, loss ?? Number.NaN] as const),
  }));
  const validations = metrics.map((metric) => ({
    title: `Validation ${metric}`,
    hasDots: true,
    curves: runs
      .filter(({ run }) => run.configuration.metric === metric)
      .map(({ name, run }) => ({
        name,
        points: linesOf(run.lines, 'evaluation').map(({ step, value }) => [step, value ?? Number.NaN] as const),
      })),
  }));
  return [{ title: 'Training loss', curves: losses }, ...validations];
}
