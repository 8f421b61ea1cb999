/** Curves as an SVG picture: panels side by side, one colour for each run, a legend below. It follows light and dark. */

export interface Curve {
  readonly name: string;
  /** Steps and values, ascending. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** Whether points are marked, as those of few evaluations are. */
  readonly hasDots?: boolean;
}

const [panelWidth, panelHeight] = [440, 280];
const margin = { left: 56, right: 16, top: 34, bottom: 38 };
const legendLine = 20;
/** The most points of a curve; a longer one is averaged. */
const mostPoints = 400;

/** Colours of curves, for light and for dark backgrounds: distinct also to most of the colour-blind. */
const colours = [
  ...[
    ['#1f6feb', '#6aa9ff'],
    ['#c2410c', '#ff9a5c'],
    ['#0f8f74', '#35c3a1'],
    ['#9333ea', '#c792ff'],
  ],
  ...[
    ['#a16207', '#e3b341'],
    ['#db2777', '#ff8ac4'],
    ['#0e7490', '#4cc9e6'],
    ['#4b5563', '#aeb7c2'],
  ],
] as const;
/** After as many runs as there are colours, lines are dashed. */
const dashes = ['', '7 3', '2 3', '9 3 2 3'];

/** Draws panels, whose curves have the same names. */
export function curvesSvg(panels: readonly Panel[]): string {
  const names = [...new Set(panels.flatMap(({ curves }) => curves.map(({ name }) => name)))];
  const width = panels.length * panelWidth;
  const legendHeight = names.length > 1 ? names.length * legendLine + 12 : 0;
  const height = panelHeight + legendHeight;
  const legend = names.length > 1 ? names.map((name, k) => legendOf(name, k)).join('') : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(panels.map(({ title }) => title).join('; '))}">`,
    `<style>${styles()}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...panels.map((panel, k) => `<g transform="translate(${k * panelWidth} 0)">${panelOf(panel, names)}</g>`),
    `${legend}</svg>\n`,
  ].join('\n');
}

function styles(): string {
  const rules = (dark: 0 | 1) => colours.map((pair, k) => `.c${k}{--c:${pair[dark]}}`).join('');
  return [
    'text{font:12px system-ui,sans-serif;fill:var(--ink)}.title{font-weight:600;font-size:14px}.quiet{fill:var(--quiet)}',
    '.grid{stroke:var(--line)}.paper{fill:var(--paper)}.curve{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}',
    '.dot{fill:var(--c)}',
    `svg{--ink:#16191d;--quiet:#5b6470;--line:#e3e6ea;--paper:#fff}${rules(0)}`,
    `@media(prefers-color-scheme:dark){svg{--ink:#e8ebef;--quiet:#9ba6b3;--line:#2b323b;--paper:#191e24}${rules(1)}}`,
  ].join('');
}

function panelOf({ title, curves, hasDots = false }: Panel, names: readonly string[]): string {
  const heading = `<text class="title" x="${margin.left}" y="20">${escaped(title)}</text>`;
  const drawn = curves
    .map(({ name, points }) => ({ name, points: averaged(points) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return `${heading}<text class="quiet" x="${margin.left}" y="60">nothing yet</text>`;
  const all = drawn.flatMap(({ points }) => points);
  const [right, bottom] = [panelWidth - margin.right, panelHeight - margin.bottom];
  const x = scaleOf(
    all.map(([step]) => step),
    [margin.left, right],
    { fromZero: true },
  );
  const y = scaleOf(
    all.map(([, value]) => value),
    [bottom, margin.top],
    {},
  );
  const rows = y.ticks.map(
    (value) =>
      `<line class="grid" x1="${margin.left}" x2="${right}" y1="${y.at(value)}" y2="${y.at(value)}"/><text class="quiet" text-anchor="end" x="${margin.left - 8}" y="${y.at(value) + 4}">${tickText(value)}</text>`,
  );
  const columns = x.ticks.map(
    (step) => `<text class="quiet" text-anchor="middle" x="${x.at(step)}" y="${bottom + 18}">${tickText(step)}</text>`,
  );
  const lines = drawn.map(({ name, points }) => {
    const k = names.indexOf(name);
    const path = points.map(([step, value]) => `${x.at(step)} ${y.at(value)}`).join(' L');
    const dots =
      hasDots || points.length === 1
        ? points.map(([step, value]) => `<circle class="dot" r="3" cx="${x.at(step)}" cy="${y.at(value)}"/>`)
        : [];
    return `<g class="c${k % colours.length}"><path class="curve"${dashOf(k)} d="M${path}"/>${dots.join('')}</g>`;
  });
  const axis = `<text class="quiet" text-anchor="end" x="${right}" y="${bottom + 33}">step</text>`;
  return [heading, ...rows, ...columns, axis, ...lines].join('\n');
}

function legendOf(name: string, k: number): string {
  const y = panelHeight + 12 + k * legendLine;
  return `<g class="c${k % colours.length}"><line class="curve"${dashOf(k)} x1="${margin.left}" x2="${margin.left + 28}" y1="${y}" y2="${y}"/><text x="${margin.left + 38}" y="${y + 4}">${escaped(name)}</text></g>\n`;
}

function dashOf(k: number): string {
  const dash = dashes[Math.floor(k / colours.length) % dashes.length]!;
  return dash === '' ? '' : ` stroke-dasharray="${dash}"`;
}

/** Returns a curve's points, each the mean of as many if there are too many. */
function averaged(points: Curve['points']): Curve['points'] {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  const size = Math.ceil(finite.length / mostPoints);
  if (size <= 1) return finite;
  return Array.from({ length: Math.ceil(finite.length / size) }, (_, k) => {
    const part = finite.slice(k * size, (k + 1) * size);
    return [part.at(-1)![0], part.reduce((sum, [, value]) => sum + value, 0) / part.length] as const;
  });
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Values that span more than this factor are drawn on a logarithmic axis. */
const mostLinear = 20;

function scaleOf(values: readonly number[], [from, to]: readonly [number, number], { fromZero = false }): Scale {
  let low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  let high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (fromZero) low = Math.min(0, low);
  const isLog = !fromZero && low > 0 && high / low > mostLinear;
  if (high === low) [low, high] = [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)];
  const position = isLog ? Math.log : (value: number) => value;
  const [first, last] = [position(low), position(high)];
  const at = (value: number) => Number((from + ((position(value) - first) / (last - first)) * (to - from)).toFixed(1));
  return { ticks: isLog ? logTicks(low, high) : linearTicks(low, high), at };
}

/** Returns about five round numbers in [low, high]. */
function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) =>
    Number(((first + k) * step).toPrecision(12)),
  );
}

/** Returns 1, 2 and 5 times powers of ten in [low, high]. */
function logTicks(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const factors = last - first > 4 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: last - first + 1 }, (_, k) => 10 ** (first + k));
  return powers
    .flatMap((power) => factors.map((factor) => factor * power))
    .filter((tick) => tick >= low && tick <= high);
}

function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential().replace('e+', 'e');
  return new Intl.NumberFormat('en', { maximumSignificantDigits: 4 }).format(value);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
