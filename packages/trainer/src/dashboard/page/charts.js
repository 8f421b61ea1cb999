// Creates the charts of a run: curves of its points, and of its evaluations.
import { colour, createChart } from './chart.js';

/** The indices of a point's values, in the order in which they are sent. */
const [stepAt, , lossAt, learningRateAt, gradientNormAt, rateAt] = [0, 1, 2, 3, 4, 5];

const raw = { stroke: colour('--curve-faint'), width: 1 };
const smooth = { stroke: colour('--curve'), width: 2 };
const dots = { stroke: colour('--second'), fill: colour('--second'), width: 2, points: { show: true, size: 7 } };

/**
 * @param {HTMLElement} parent
 * @param {{ task?: string, unit: string, metric: string }} run what it trains
 */
export function createCharts(parent, { task, unit, metric }) {
  const isLanguageModel = task === undefined;
  const chart = (options) => createChart(parent, options);
  const loss = chart({
    ...{ title: 'Training loss', unit: isLanguageModel ? 'nats per token' : 'per example', height: 260 },
    lines: [
      { label: 'each step', ...raw },
      { label: 'smoothed', ...smooth },
    ],
  });
  // The training loss of an application is not its metric.
  const validated = chart(
    isLanguageModel
      ? {
          ...{ title: 'Perplexity', unit: '', height: 260, isLog: true },
          lines: [
            { label: 'training', ...smooth },
            { label: 'validation', ...dots },
          ],
        }
      : { title: `Validation: ${metric}`, unit: '', height: 260, lines: [{ label: 'validation', ...dots }] },
  );
  const one = (title, unit) => chart({ title, unit, height: 190, lines: [{ label: 'value', ...smooth }] });
  const rate = one(`${unit[0].toUpperCase()}${unit.slice(1)} per second, all workers`, '');
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
