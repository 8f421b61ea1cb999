// The table of workers and the list of servers.
import { bytes, cores, figure, memory, milliseconds } from './numbers.js';

const phases = ['compute', 'push', 'wait', 'pull'];

const element = (name, text = '', className = '') =>
  Object.assign(document.createElement(name), { textContent: text, className });

/**
 * @param {HTMLElement} body of the table
 * @param {object[]} workers
 * @param {boolean} hasEnded
 */
export function showWorkers(body, workers, hasEnded) {
  const slowest = Math.max(...workers.map(stepSeconds), 1e-9);
  body.replaceChildren(...workers.map((worker) => rowOf(worker, hasEnded, slowest)));
}

function stepSeconds(worker) {
  return phases.reduce((sum, phase) => sum + worker.phases[phase], 0);
}

function rowOf(worker, hasEnded, slowest) {
  const row = element('tr');
  const cell = (label, ...content) => {
    const td = element('td');
    td.dataset.label = label;
    td.append(...content);
    return td;
  };
  const name = element('th', `${worker.worker}`);
  name.scope = 'row';
  row.append(
    name,
    cell('State', stateOf(worker, hasEnded)),
    cell('Tokens/s', figure(Math.round(worker.tokensPerSecond))),
    cell('Step time', breakdownOf(worker, slowest)),
    cell('Sent', `${bytes(worker.sentBytes)} a step`),
    cell('Received', `${bytes(worker.receivedBytes)} a step`),
    cell('Staleness', figure(worker.staleness)),
    cell('Processor', cores(worker.cores)),
    cell('Memory', memory(worker.memoryBytes)),
  );
  return row;
}

function stateOf({ state, silentSeconds }, hasEnded) {
  if (hasEnded || state === 'left') return element('span', 'ended', 'dot left');
  return element('span', state === 'silent' ? `silent for ${Math.round(silentSeconds)} s` : 'alive', `dot ${state}`);
}

/** Returns a bar whose length is the step's time relative to the slowest worker's, with the same in words. */
function breakdownOf(worker, slowest) {
  const box = element('div', '', 'breakdown');
  const bar = element('div', '', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  for (const phase of phases) {
    const part = element('span', '', phase);
    part.style.width = `${(100 * worker.phases[phase]) / slowest}%`;
    bar.append(part);
  }
  const shown = phases.filter((phase) => worker.phases[phase] > 0);
  const words = shown.map((phase) => `${phase} ${milliseconds(worker.phases[phase])}`).join(', ');
  box.append(element('strong', milliseconds(stepSeconds(worker))), bar, element('span', words, 'note'));
  return box;
}

/**
 * @param {HTMLElement} list
 * @param {{ address: string, answers: boolean, cores?: number, memoryBytes?: number }[]} servers
 * @param {boolean} hasEnded
 */
export function showServers(list, servers, hasEnded) {
  list.replaceChildren(
    ...servers.map(({ address, answers, cores: busy, memoryBytes }, shard) => {
      const item = element('li');
      const [state, word] = hasEnded
        ? ['left', 'ended']
        : answers
          ? ['alive', 'answers']
          : ['silent', 'does not answer'];
      item.append(`Shard ${shard}, ${address}: `, element('span', word, `dot ${state}`));
      if (memoryBytes !== undefined)
        item.append(', ', element('span', `${cores(busy)}, ${memory(memoryBytes)}`, 'note'));
      return item;
    }),
  );
}
