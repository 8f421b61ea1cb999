// Creates the charts: curves of one run's points and evaluations, or of several runs, overlaid.
import { colour, createChart } from './chart.js';
import { lineOf, shortNames } from './runs.js';
import uPlot from './uplot.js';

/** The indices of a point's values, in the order in which they are sent. */
const [stepAt, , lossAt, learningRateAt, gradientNormAt, rateAt] = [0, 1, 2, 3, 4, 5];

const raw = { stroke: colour('--curve-faint'), width: 1 };
const smooth = { stroke: colour('--curve'), width: 2 };
const dots = { stroke: colour('--second'), width: 2, points: { show: true, size: 7, fill: colour('--second') } };

/**
 * @param {HTMLElement} parent
 * @param {object[]} runs as they are sent
 * @returns a function that shows them
 */
export function createCharts(parent, runs) {
  if (runs.length > 1) return createOverlaid(parent, runs);
  const show = createSingle(parent, runs[0].run);
  return ([{ points, validation }]) => show(points, validation);
}

/** Creates charts with one curve for each run, without those that are hidden. */
function createOverlaid(parent, runs) {
  const names = shortNames(runs);
  const linesFor = (members, extra) =>
    members.map((member) => {
      const index = runs.indexOf(member);
      const { colour: name, dash } = lineOf(index);
      return { label: names[index], stroke: colour(name), width: 2, dash, ...extra(name) };
    });
  const charts = [];
  const add = ({ title, unit = '', height, isLog = false, members = runs, columnsOf, extra = () => ({}) }) => {
    const lines = linesFor(members, extra);
    const { show } = createChart(parent, { title, unit, height, isLog, lines, hasFloatingLegend: true });
    const ids = new Set(members.map(({ id }) => id));
    charts.push((current, hidden) => {
      const tables = current
        .filter(({ id }) => ids.has(id))
        .map((run) => (hidden.has(run.id) ? [[], []] : columnsOf(run)));
      show(uPlot.join(tables));
    });
  };
  const smoothedAt =
    (index) =>
    ({ points }) => [points.map(([step]) => step), smoothedOf(points.map((point) => point[index]))];
  const isText = runs.every(({ run }) => run.task === undefined);
  add({ title: 'Training loss', unit: isText ? 'nats per token' : '', height: 230, columnsOf: smoothedAt(lossAt) });
  for (const metric of new Set(runs.map(({ run }) => run.metric))) {
    add({
      ...{ title: `Validation ${metric}`, height: 230, members: runs.filter(({ run }) => run.metric === metric) },
      isLog: metric === 'perplexity',
      columnsOf: ({ validation }) => [validation.map(([step]) => step), validation.map(([, value]) => value)],
      extra: (name) => ({ points: { show: true, size: 7, fill: colour(name) } }),
    });
  }
  const units = new Set(runs.map(({ run }) => run.unit));
  const unit = units.size === 1 ? capitalized([...units][0]) : 'Tokens or examples';
  add({ title: `${unit} per second`, height: 160, columnsOf: smoothedAt(rateAt) });
  add({ title: 'Gradient norm before clipping', height: 160, columnsOf: smoothedAt(gradientNormAt) });
  const column = ({ points }) => [points.map(([step]) => step), points.map((point) => point[learningRateAt])];
  add({ title: 'Learning rate', height: 160, columnsOf: column });
  return (current, hidden) => {
    for (const show of charts) show(current, hidden);
  };
}

function capitalized(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/**
 * @param {HTMLElement} parent
 * @param {{ task?: string, unit: string, metric: string }} run what it trains
 */
function createSingle(parent, { task, unit, metric }) {
  const isLanguageModel = task === undefined;
  const chart = (options) => createChart(parent, options);
  const loss = chart({
    ...{ title: 'Training loss', unit: isLanguageModel ? 'nats per token' : 'per example', height: 210 },
    lines: [
      { label: 'each step', ...raw },
      { label: 'smoothed', ...smooth },
    ],
  });
  // The training loss of an application is not its metric.
  const validated = chart(
    isLanguageModel
      ? {
          ...{ title: 'Perplexity', unit: '', height: 210, isLog: true },
          lines: [
            { label: 'training', ...smooth },
            { label: 'validation', ...dots },
          ],
        }
      : { title: `Validation: ${metric}`, unit: '', height: 210, lines: [{ label: 'validation', ...dots }] },
  );
  const one = (title, unit) => chart({ title, unit, height: 150, lines: [{ label: 'value', ...smooth }] });
  const rate = one(`${capitalized(unit)} per second, all workers`, '');
  const norm = one('Gradient norm before clipping', '');
  const learningRate = one('Learning rate', '');

  /**
   * @param {number[][]} points
   * @param {[number, number][]} validation steps and metrics
   */
  return (points, validation) => {
    const column = (index) => points.map((point) => point[index]);
    const steps = column(stepAt);
    const losses = column(lossAt);
    const smoothed = smoothedOf(losses);
    loss.show([steps, losses, smoothed]);
    if (isLanguageModel) validated.show(joined(steps, smoothed.map(exponential), validation));
    else validated.show([validation.map(([step]) => step), validation.map(([, value]) => value)]);
    rate.show([steps, column(rateAt)]);
    norm.show([steps, column(gradientNormAt)]);
    learningRate.show([steps, column(learningRateAt)]);
  };
}

const exponential = (loss) => (loss === null ? null : Math.exp(loss));

/**
 * Returns the exponentially weighted mean, over a window that grows with the number of points; the start is not biased
 * to zero.
 */
export function smoothedOf(values) {
  const keep = 1 - 1 / Math.max(1, Math.min(50, values.length / 60));
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

/** Merges two curves over the steps of both. */
function joined(steps, values, others) {
  const byStep = new Map(steps.map((step, k) => [step, [values[k], null]]));
  for (const [step, value] of others) byStep.set(step, [byStep.get(step)?.[0] ?? null, value]);
  const all = [...byStep.keys()].sort((a, b) => a - b);
  return [all, all.map((step) => byStep.get(step)[0]), all.map((step) => byStep.get(step)[1])];
}
