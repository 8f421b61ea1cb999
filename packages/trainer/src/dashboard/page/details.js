// One run's hyperparameters, texts that it wrote, and notices.
import { count } from './numbers.js';

const byId = (id) => document.getElementById(id);

const element = (name, text, className = '') =>
  Object.assign(document.createElement(name), { textContent: text, className });

/** What is shown, so that nothing that a reader has marked or scrolled is replaced by the same. */
const shown = new Map();

export function showDetails({ id, run, samples, notices }) {
  replace('settings', [id, run.settings], () =>
    Object.entries(run.settings).map(([name, value]) => {
      const row = document.createElement('div');
      row.append(element('dt', name), element('dd', String(value)));
      return row;
    }),
  );
  byId('samples-section').hidden = samples.length === 0;
  replace('samples', [id, samples], () =>
    samples.toReversed().map(({ step, text }) => {
      const item = document.createElement('li');
      item.append(element('span', `step ${count(step)}`, 'note'), element('p', text));
      return item;
    }),
  );
  replace('notices', [id, notices], () =>
    notices.toReversed().map(({ time, step, severity, line }) => {
      const item = element('li', '', severity);
      const when = element('time', new Date(1000 * time).toLocaleString(), 'note');
      when.dateTime = new Date(1000 * time).toISOString();
      item.append(when, element('span', `step ${count(step)}`, 'note'), element('span', line));
      return item;
    }),
  );
}

function replace(id, content, create) {
  const text = JSON.stringify(content);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  const list = byId(id);
  list.replaceChildren(...create());
  // A list that scrolls must be reached by the keyboard.
  if (list.scrollHeight > list.clientHeight) list.tabIndex = 0;
  else list.removeAttribute('tabindex');
}
