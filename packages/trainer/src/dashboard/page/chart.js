// One chart: a title, the latest value, and lines over the steps. The arrow keys move its cursor like the pointer.
import { count, figure } from './numbers.js';
import uPlot from './uplot.js';

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Axes and grids in the colours of the page, which may change while it is open. */
const axis = {
  stroke: () => style('--quiet'),
  grid: { stroke: () => style('--line'), width: 1 },
  ticks: { show: false },
};

/**
 * @param {HTMLElement} parent
 * @param {{ title: string, unit: string, lines: object[], isLog?: boolean, height: number, hasFloatingLegend?: boolean }} options
 *   the lines as uPlot's series, in the order of the columns that are shown; the height of the plot; whether the legend
 *   appears over it with the cursor, as that of many lines does, instead of below
 */
export function createChart(parent, { title, unit, lines, isLog = false, height, hasFloatingLegend = false }) {
  const figureElement = document.createElement('figure');
  const caption = document.createElement('figcaption');
  caption.textContent = title;
  const canvas = document.createElement('div');
  canvas.className = hasFloatingLegend ? 'plot floating' : 'plot';
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  figureElement.append(caption, canvas);
  parent.append(figureElement);

  const plot = new uPlot(
    {
      width: 300,
      height,
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: false }, y: isLog ? { distr: 3 } : {} },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map((step) => (Number.isInteger(step) ? count(step) : '')) },
        { ...axis, size: 56, values: (_, splits) => splits.map((value) => (value === null ? '' : figure(value))) },
      ],
      series: [
        { label: 'Step', value: (_, step) => (step === null ? '–' : count(step)) },
        ...lines.map((line) => ({ width: 1.5, spanGaps: true, value: (_, value) => figure(value), ...line })),
      ],
    },
    [[], ...lines.map(() => [])],
    canvas,
  );
  const fit = () => plot.setSize({ width: Math.max(200, canvas.clientWidth), height });
  new ResizeObserver(fit).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw());
  canvas.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const steps = plot.data[0];
    if (move === undefined || steps.length === 0) return;
    event.preventDefault();
    const index = Math.min(steps.length - 1, Math.max(0, (plot.cursor.idx ?? steps.length) + move));
    plot.setCursor({ left: plot.valToPos(steps[index], 'x'), top: 0 });
  });

  return {
    /** @param {(number | null)[][]} columns the steps, then one column for each line */
    show(columns) {
      plot.setData(columns);
      const [steps, ...values] = columns;
      const latest = values.map((column, k) => {
        const last = column.findLast((value) => value !== null);
        return last === undefined ? [] : `${lines[k].label} ${figure(last)}`;
      });
      const reached =
        steps.length === 0 ? 'nothing yet' : `${latest.flat().join(', ')} ${unit} at step ${count(steps.at(-1))}`;
      canvas.setAttribute('aria-label', `${title}: ${reached}. The arrow keys move along the curve.`);
    },
  };
}

/** @param {string} name of a colour in style.css */
export function colour(name) {
  return () => style(name);
}
