/** The files beside a checkpoint that tell about its run. They belong to the run: a new one replaces them. */

/** A line of JSON for each step, evaluation and event; `runs/metrics.ts` has the fields. */
export const metricsFile = 'metrics.jsonl';
/** The configuration, and where and how each process of the run was started; `runs/run-configuration.ts` has the fields. */
export const configurationFile = 'run.json';
/** The model card, and its picture of the curves. */
export const cardFile = 'README.md';
export const curvesFile = 'curves.svg';

/** Files that a run leaves before its first checkpoint. */
export const recordFiles: readonly string[] = [metricsFile, configurationFile];
/** Files that a finished run adds to its checkpoint. */
export const cardFiles: readonly string[] = [cardFile, curvesFile];
