// Draws the simulated speed by the number of workers as an SVG: a panel for each network.
import { measured } from './model.mjs';

const [panelWidth, panelHeight, left, top, gap] = [280, 300, 60, 50, 40];
const [leastWorkers, mostWorkers, leastSpeed, mostSpeed] = [2, 256, 0.125, 256];

/** The lines: runs, their words in the legend, and their colours, which colour-blind readers tell apart (Okabe and Ito). */
const lines = [
  { mode: 'sync', codec: 'float32', one: true, words: 'sync, float32, one server', colour: '#999999' },
  { mode: 'sync', codec: 'float32', words: 'sync, float32', colour: '#000000' },
  { mode: 'sync', codec: 'int8', words: 'sync, int8', colour: '#56b4e9' },
  { mode: 'sync', codec: 'top-k:0.001', words: 'sync, top-k:0.001', colour: '#e69f00' },
  { mode: 'async', codec: 'float32', words: 'async, float32', colour: '#cc79a7' },
  { mode: 'local', codec: 'float32', words: 'local, 25 steps, float32', colour: '#009e73' },
  { mode: 'local', codec: 'int8', words: 'local, 25 steps, int8', colour: '#d55e00' },
];

const log = (value, least, most) => Math.log(value / least) / Math.log(most / least);

/** Seconds in which one worker computes a batch, without a network. */
const alone = measured.compute.reduce((sum, each) => sum + each, 0) / measured.compute.length / 1000;

export function plot({ runs }) {
  const panels = [1, 10, 100].map((gigabits, panel) => {
    const x0 = left + panel * (panelWidth + gap);
    const x = (workers) => x0 + panelWidth * log(workers, leastWorkers, mostWorkers);
    const y = (speed) => top + panelHeight * (1 - log(speed, leastSpeed, mostSpeed));
    const ticks = [2, 8, 32, 128].map((workers) => text(x(workers), top + panelHeight + 18, workers));
    const grid = [1, 4, 16, 64, 256].map(
      (speed) =>
        `<line x1="${x0}" x2="${x0 + panelWidth}" y1="${y(speed)}" y2="${y(speed)}" stroke="#ddd"/>` +
        (panel === 0 ? text(x0 - 8, y(speed) + 4, speed, 'end') : ''),
    );
    const ideal = path(
      [leastWorkers, mostWorkers].map((workers) => [x(workers), y(workers)]),
      '#bbbbbb',
      true,
    );
    const curves = lines.map(({ mode, codec, one, colour }) => {
      const own = runs.filter((run) => run.gigabits === gigabits && run.mode === mode && run.codec === codec);
      const chosen = own.filter(({ servers, workers }) => servers === (one ? 1 : Math.max(1, workers / 8)));
      return path(
        chosen.map(({ workers, seconds }) => [x(workers), y((workers * alone) / seconds)]),
        colour,
      );
    });
    return [
      text(x0 + panelWidth / 2, top - 12, `${gigabits} Gbit/s`),
      `<rect x="${x0}" y="${top}" width="${panelWidth}" height="${panelHeight}" fill="none" stroke="#888"/>`,
      ...[...grid, ...ticks, ideal, ...curves],
      text(x0 + panelWidth / 2, top + panelHeight + 38, 'workers'),
    ].join('\n');
  });
  const legendTop = top + panelHeight + 66;
  const legend = lines.map(({ words, colour }, k) => {
    const [x, y] = [left + (k % 4) * 240, legendTop + Math.floor(k / 4) * 22];
    return `<line x1="${x}" x2="${x + 24}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="2.5"/>${text(x + 30, y, words, 'start')}`;
  });
  const [width, height] = [left + 3 * (panelWidth + gap), legendTop + 40];
  const title = text(left, 18, 'Speed, as a multiple of one worker without a network (dashed: ideal)', 'start');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    '<title>Speed by the number of workers at 1, 10 and 100 Gbit/s</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...[title, ...panels, ...legend, '</svg>', ''],
  ].join('\n');
}

function text(x, y, words, anchor = 'middle') {
  return `<text x="${rounded(x)}" y="${rounded(y)}" text-anchor="${anchor}">${words}</text>`;
}

function path(points, colour, isDashed = false) {
  const list = points.map(([x, y]) => `${rounded(x)},${rounded(y)}`).join(' ');
  const dashes = isDashed ? ' stroke-dasharray="5 4"' : '';
  return `<polyline points="${list}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`;
}

function rounded(value) {
  return Math.round(value * 10) / 10;
}
