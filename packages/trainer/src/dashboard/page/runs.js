// The table of several runs: which are drawn, in which colours, and what their results and differences are.
import { count, figure } from './numbers.js';

/** The colours of runs in style.css; after as many runs the lines are dashed. */
const colourCount = 8;
const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** Returns how a run's curves are drawn, by its place among the runs. */
export function lineOf(index) {
  return { colour: `--run-${index % colourCount}`, dash: dashes[Math.floor(index / colourCount) % dashes.length] };
}

/**
 * Returns names of runs, as short as they can be told apart: the ends of their folders' paths.
 * @param {object[]} runs
 * @returns {string[]} in the order of the runs
 */
export function shortNames(runs) {
  const paths = runs.map(({ id }) => id.split(/[\\/]/).filter((part) => part !== ''));
  const longest = Math.max(...paths.map(({ length }) => length));
  for (let parts = 1; parts < longest; parts++) {
    const names = paths.map((path) => path.slice(-parts).join('/'));
    if (new Set(names).size === names.length) return names;
  }
  return runs.map(({ id }) => id);
}

/** Returns the best value of a run's evaluations; undefined before the first. */
export function bestOf({ validation, run }) {
  const values = validation.map(([, value]) => value);
  if (values.length === 0) return undefined;
  return run.better === 'higher' ? Math.max(...values) : Math.min(...values);
}

/** Returns a run's state as people read it. */
export function stateText({ state, latest, run }) {
  if (state === 'running') return latest ? 'training' : 'starting';
  const step = latest?.[0] ?? run.firstStep;
  return (
    { finished: 'finished', failed: `failed at step ${count(step)}` }[state] ?? `stopped after step ${count(step)}`
  );
}

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/**
 * @param {HTMLTableElement} table
 * @param {object[]} runs
 * @param {{ hidden: Set<string>, selected: string, onHide: Function, onSelect: Function }} choice
 */
export function showRuns(table, runs, { hidden, selected, onHide, onSelect }) {
  const settings = differing(runs);
  const metrics = new Set(runs.map(({ run }) => run.metric));
  const metric = metrics.size === 1 ? [...metrics][0] : 'validation';
  const titles = ['Run', 'State', 'Step', 'Loss', `Best ${metric}`, `Last ${metric}`, ...settings];
  const names = shortNames(runs);
  const head = element('tr', {}, ...titles.map((title) => element('th', { scope: 'col', textContent: title })));
  const rows = runs.map((run, index) => {
    const { colour } = lineOf(index);
    const box = element('input', { type: 'checkbox', checked: !hidden.has(run.id), ariaLabel: `Draw ${names[index]}` });
    box.addEventListener('change', () => onHide(run.id, !box.checked));
    const swatch = element('span', { className: 'swatch' });
    swatch.style.background = `var(${colour})`;
    const button = element('button', { type: 'button', textContent: names[index], title: run.id });
    button.setAttribute('aria-pressed', String(run.id === selected));
    button.addEventListener('click', () => onSelect(run.id));
    const name = element('th', { scope: 'row' }, box, swatch, button);
    const texts = [
      stateText(run),
      `${count(run.latest?.[0] ?? 0)} of ${count(run.run.totalSteps)}`,
      figure(run.latest?.[2]),
      figure(bestOf(run)),
      figure(run.validation.at(-1)?.[1]),
      ...settings.map((setting) => String(run.run.settings[setting] ?? '–')),
    ];
    const cells = texts.map((text, k) => {
      const cell = element('td', { textContent: text });
      cell.dataset.label = titles[k + 1];
      return cell;
    });
    return element('tr', {}, name, ...cells);
  });
  const focus = placeOf(table, document.activeElement);
  table.replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
  // The keyboard stays where it was.
  if (focus) table.tBodies[0].rows[focus.row]?.querySelector(focus.kind)?.focus();
}

function placeOf(table, active) {
  if (!table.contains(active)) return undefined;
  return { row: active.closest('tr').sectionRowIndex, kind: active.localName };
}

/** Returns the names of the settings that are not alike in all runs. */
function differing(runs) {
  const names = new Set(runs.flatMap(({ run }) => Object.keys(run.settings)));
  return [...names].filter((name) => new Set(runs.map(({ run }) => String(run.settings[name]))).size > 1);
}
