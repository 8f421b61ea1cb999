// The page of one run or several: receives their data as Server-Sent Events and shows it. After a lost connection it
// receives everything anew.
import { createCharts } from './charts.js';
import { showDetails } from './details.js';
import { cores, count, duration, figure, memory } from './numbers.js';
import { showRuns, stateText } from './runs.js';
import { showServers, showWorkers } from './workers.js';

const byId = (id) => document.getElementById(id);

/** The runs by their folders, in the order in which they came. */
const runs = new Map();
const hidden = new Set();
/** The folder of the run whose details are shown. */
let selected;
/** The charts, and what they were made for. */
let charts = { made: '', show: () => {} };

const events = new EventSource('events');
events.addEventListener('open', () => runs.clear());
events.addEventListener('message', ({ data }) => {
  const update = JSON.parse(data);
  for (const news of update.runs) {
    const before = news.isReset ? [] : runs.get(news.id).points;
    runs.set(news.id, { ...news, points: before.concat(news.points) });
  }
  if (update.hasEnded) for (const run of runs.values()) if (run.state === 'running') run.state = 'stopped';
  show(update, update.runs.length > 0);
  // No more data will come; without this the browser would reconnect again and again.
  if (update.hasEnded) events.close();
});
events.addEventListener('error', () => setState('lost', 'connection lost'));

function show({ name, hasEnded, workers, servers }, hasNews) {
  document.title = `${name} · Unroll`;
  byId('name').textContent = name;
  if (hasNews) showAll();
  if (runs.size === 0) setState(hasEnded ? 'lost' : 'starting', hasEnded ? 'stopped' : 'starting');
  byId('workers-section').hidden = workers.length === 0;
  showWorkers(byId('workers'), workers, hasEnded);
  byId('servers-section').hidden = servers.length === 0;
  showServers(byId('servers'), servers, hasEnded);
}

function showAll() {
  const begun = [...runs.values()].filter(({ run }) => run);
  if (begun.length === 0) return;
  const run = runs.get(selected)?.run ? runs.get(selected) : begun[0];
  showRuns(byId('runs'), begun, { hidden, selected: run.id, onHide: hide, onSelect: select });
  byId('runs-section').hidden = begun.length < 2;
  Object.assign(byId('selected'), { textContent: run.id, hidden: begun.length < 2 });
  showFacts(run.run, run.latest);
  showNow(run);
  showDetails(run);
  const counts = begun.map(({ state }) => state);
  const going = counts.filter((state) => state === 'running').length;
  if (begun.length === 1) setState(run.state, stateText(run));
  else
    setState(
      going > 0 ? 'running' : 'finished',
      going > 0 ? `${going} of ${begun.length} training` : `${begun.length} runs`,
    );
  drawCharts(begun);
}

function drawCharts(begun) {
  const made = begun.map(({ id, run }) => `${id} ${run.metric}`).join('\n');
  if (charts.made !== made) {
    byId('charts').replaceChildren();
    charts = { made, show: createCharts(byId('charts'), begun) };
  }
  charts.show(begun, hidden);
}

function hide(id, isHidden) {
  if (isHidden) hidden.add(id);
  else hidden.delete(id);
  showAll();
}

function select(id) {
  selected = id;
  showAll();
}

function showFacts({ engine, parameters, task, unit, vocabSize, trainCount, metric, totalSteps }, latest) {
  const size = parameters >= 1e5 ? `${(parameters / 1e6).toFixed(2)} M` : count(parameters);
  byId('what').textContent =
    `${engine} · ${size} parameters · ${task ?? `vocabulary ${count(vocabSize)}`} · ${count(trainCount)} training ${unit}`;
  byId('perplexity').parentElement.hidden = task !== undefined;
  byId('validation-title').textContent = `Validation ${metric}`;
  for (const title of document.querySelectorAll('[data-unit-title]')) {
    title.textContent = title.dataset.unitTitle.replace('tokens', unit).replace('Tokens', capitalized(unit));
  }
  Object.assign(byId('progress'), { max: Math.max(1, totalSteps), value: latest?.[0] ?? 0 });
}

function showNow({ run, state, latest, validation, seconds, use, points }) {
  const [step, time, loss, , , rate] = latest ?? [0];
  byId('step').textContent = `${count(step)} of ${count(run.totalSteps)}`;
  byId('epoch').textContent = `${count(Math.max(1, Math.ceil(step / run.stepsPerEpoch)))} of ${count(run.epochs)}`;
  byId('elapsed').textContent = duration(seconds);
  byId('left').textContent = state === 'running' ? duration(secondsLeft(run, points, step, time)) : '–';
  byId('loss').textContent = figure(loss);
  byId('perplexity').textContent = figure(Math.exp(loss));
  byId('validation').textContent = figure(validation.at(-1)?.[1]);
  byId('rate').textContent = figure(Math.round(rate));
  byId('processor').textContent = cores(use?.cores);
  byId('memory').textContent = memory(use?.memoryBytes);
  // The record has the process that writes the checkpoints; the table of workers has all.
  const process = run.workers > 1 ? ', worker 0' : '';
  byId('processor-title').textContent = `Processor${process}`;
  byId('memory-title').textContent = `Memory${process}`;
}

function capitalized(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/** Estimates the remaining time from the pace of the latest tenth of this process's points. */
function secondsLeft({ firstStep, totalSteps }, points, step, time) {
  if (step >= totalSteps) return 0;
  const ours = points.filter(([at]) => at > firstStep);
  const from = ours.at(-Math.max(2, Math.ceil(ours.length / 10)));
  return from && step > from[0] ? ((time - from[1]) / (step - from[0])) * (totalSteps - step) : Number.NaN;
}

/** Sets the state; screen readers announce it only when it changes. */
function setState(name, text) {
  const state = byId('state');
  if (state.textContent !== text) state.textContent = text;
  state.dataset.state = name;
}
