// The page of a run: receives its data as Server-Sent Events and shows it. After a lost connection it receives
// everything anew.
import { createCharts } from './charts.js';
import { count, duration, figure } from './numbers.js';
import { showServers, showWorkers } from './workers.js';

const byId = (id) => document.getElementById(id);
/** Made when it is known what the run trains. */
let showCharts;

/** @type {number[][]} */
let points = [];

const events = new EventSource('events');
events.addEventListener('message', ({ data }) => {
  const update = JSON.parse(data);
  points = update.isReset ? update.points : points.concat(update.points);
  show(update);
  // No more data will come; without this the browser would reconnect again and again.
  if (update.hasEnded) events.close();
});
events.addEventListener('error', () => setState('lost', 'connection lost'));

function show({ name, run, hasEnded, validation, latest, workers, servers }) {
  document.title = `${name} · Unroll`;
  byId('name').textContent = name;
  if (run) {
    showRun(run, latest);
    showCharts ??= createCharts(byId('charts'), run);
  }
  showNow(run, latest, validation);
  setState(...stateOf(run, latest, hasEnded));
  showCharts?.(points, validation);
  showWorkers(byId('workers'), workers, hasEnded);
  byId('servers-section').hidden = servers.length === 0;
  showServers(byId('servers'), servers, hasEnded);
}

function showRun({ engine, parameters, task, unit, vocabSize, trainCount, metric, totalSteps }, latest) {
  const size = parameters >= 1e5 ? `${(parameters / 1e6).toFixed(2)} M` : count(parameters);
  byId('what').textContent =
    `${engine} · ${size} parameters · ${task ?? `vocabulary ${count(vocabSize)}`} · ${count(trainCount)} training ${unit}`;
  byId('perplexity').parentElement.hidden = task !== undefined;
  byId('validation-title').textContent = `Validation ${metric}`;
  for (const title of document.querySelectorAll('[data-unit-title]')) {
    title.textContent = title.dataset.unitTitle.replace('tokens', unit).replace('Tokens', capitalized(unit));
  }
  Object.assign(byId('progress'), { max: totalSteps, value: latest?.[0] ?? 0 });
}

function showNow(run, latest, validation) {
  if (!latest || !run) return;
  const [step, time, loss, , , rate] = latest;
  byId('step').textContent = `${count(step)} of ${count(run.totalSteps)}`;
  byId('left').textContent = duration(secondsLeft(run, step, time));
  byId('loss').textContent = figure(loss);
  byId('perplexity').textContent = figure(Math.exp(loss));
  byId('validation').textContent = figure(validation.at(-1)?.[1]);
  byId('rate').textContent = figure(Math.round(rate));
}

function capitalized(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/** Estimates the remaining time from the pace of the latest tenth of this run's points. */
function secondsLeft({ firstStep, totalSteps }, step, time) {
  if (step >= totalSteps) return 0;
  const ours = points.filter(([at]) => at > firstStep);
  const from = ours.at(-Math.max(2, Math.ceil(ours.length / 10)));
  return from && step > from[0] ? ((time - from[1]) / (step - from[0])) * (totalSteps - step) : Number.NaN;
}

function stateOf(run, latest, hasEnded) {
  if (!run || !latest) return hasEnded ? ['lost', 'stopped'] : ['starting', 'starting'];
  if (!hasEnded) return ['training', 'training'];
  return latest[0] >= run.totalSteps ? ['finished', 'finished'] : ['lost', `stopped after step ${count(latest[0])}`];
}

/** Sets the state; screen readers announce it only when it changes. */
function setState(name, text) {
  const state = byId('state');
  if (state.textContent !== text) state.textContent = text;
  state.dataset.state = name;
}
