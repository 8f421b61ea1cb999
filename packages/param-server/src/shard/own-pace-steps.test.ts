// The heart alone, where workers go at their own pace: its answers, and the effects it asks the shell to carry out.
import { beforeEach, expect, test } from 'vitest';
import type { Caller, Request, RunDescription, ShardEffect, ShardMessage } from './messages.js';
import { Shard } from './shard.js';

const policy = { minWorkers: 2, backupWorkers: 0, leaseSeconds: 60, patienceSeconds: 600, snapshotEvery: 3 };
const values = { parameters: new Float32Array(2), slots: {}, lanes: new Float32Array(4) };
const first = { worker: 0, incarnation: 1, generation: 1, lease: 0 };
const second = { worker: 1, incarnation: 1, generation: 1, lease: 0 };

let shard: Shard;
let now: number;
let requests: number;

beforeEach(() => {
  now = 0;
  requests = 10;
  shard = new Shard(runOf(1), policy);
  const run = runOf(1);
  tell({ type: 'join', request: 1, caller: first, run });
  tell({ type: 'initialize', request: 2, caller: first, generation: 1, step: 0, values });
  tell({ type: 'join', request: 3, caller: second, run });
});

test('a push is an update by itself, and answered when it is made', () => {
  expect(push(first, 0)).toEqual(['add 0 first', 'update 1']);
  expect(updated()).toEqual(['pushed, staleness 0']);
});

test('pushes that come during an update wait their turn, and are told how many updates they had not seen', () => {
  push(second, 0);
  expect(push(first, 0)).toEqual([]);
  expect(updated()).toEqual(['pushed, staleness 0', 'add 0 first', 'update 2']);
  expect(updated()).toEqual(['pushed, staleness 1']);
});

test('a worker that says a smaller norm than its gradient has is refused, and nothing is applied', () => {
  expect(push(second, 0, 0.5)).toEqual([
    'failed-precondition: worker 1 says that the squared norm of the gradient of step 0 is 0.5, but on this server it is 1; ' +
      'end that worker, and use a client of this version',
  ]);
  expect(push(first, 0)).toEqual(['add 0 first', 'update 1']);
});

test('an update that would make a parameter infinite names its worker, and the run ends', () => {
  push(first, 0);
  updated();
  push(second, 0);
  const [notice] = tell({ type: 'diverged', generation: 1, what: "'bias' would be Infinity" });
  expect(notice).toContain("step 0 of worker 1: 'bias' would be Infinity: training diverged");
  expect(shard.isReadableAt(1, 1)).toBe(false);
});

test('a push that was applied is answered again and changes nothing', () => {
  push(first, 0);
  expect(push(first, 0)).toEqual([]);
  expect(updated()).toEqual(['pushed, staleness 0', 'pushed, staleness 0']);
  expect(push(first, 0)).toEqual(['pushed, staleness 0']);
});

test('a worker that is as far ahead as it may be waits for the slowest', () => {
  makeStep(first, 0);
  expect(pull(first, 1)).toEqual(['parameters 1']);
  makeStep(first, 1);
  expect(pull(first, 2)).toEqual([]);
  push(second, 0);
  expect(updated()).toEqual(['pushed, staleness 2', 'parameters 2']);
});

test('where a snapshot is due all wait for all, and it is of the same steps of everyone', () => {
  for (const step of [0, 1, 2]) {
    makeStep(first, step);
    if (step < 2) makeStep(second, step);
  }
  expect(pull(first, 3)).toEqual([]);
  push(second, 2);
  expect(updated().slice(1)).toEqual(['snapshot 3', 'parameters 3']);
});

test('a worker that meets the others waits for all of them', () => {
  makeStep(first, 0);
  expect(pull(first, 1, true)).toEqual([]);
  push(second, 0);
  expect(updated()).toEqual(['pushed, staleness 1', 'parameters 1']);
});

test('a push beyond what the worker may do is refused', () => {
  makeStep(first, 0);
  makeStep(first, 1);
  expect(push(first, 2)).toEqual(['aborted: worker 0 pushes step 2, the shard has 2 of its steps']);
  expect(push(second, 1)).toEqual(['aborted: worker 1 pushes step 1, the shard has 0 of its steps']);
});

test('a worker that was restarted while its push was applied takes up after it', () => {
  push(first, 0);
  const restarted = { ...first, incarnation: 2 };
  tell({ type: 'join', request: 4, caller: restarted, run: runOf(1) });
  expect(pull(restarted, 0)).toEqual([]);
  expect(updated()).toEqual(['aborted: worker 0 pulls step 0, the shard is at 1']);
});

test('a worker that is lost is named to those that wait for it', () => {
  makeStep(first, 0);
  makeStep(first, 1);
  now = 601;
  expect(pull(first, 2)).toEqual([expect.stringMatching(/^peer-lost: worker 1 has not been heard of/)]);
});

test.each([
  [Number.POSITIVE_INFINITY, 'its gradients are the most stale'],
  [2, 'the others wait when they are as far ahead as they may be'],
])('of workers at most %d steps ahead, one that takes far longer is reported by name', (staleness, consequence) => {
  shard = new Shard(runOf(staleness), { ...policy, snapshotEvery: 0 });
  const run = runOf(staleness);
  tell({ type: 'join', request: 1, caller: first, run });
  tell({ type: 'initialize', request: 2, caller: first, generation: 1, step: 0, values });
  tell({ type: 'join', request: 3, caller: second, run });
  const lines: string[] = [];
  const hear = (heard: string[]) => lines.push(...heard.filter((line) => line.startsWith('notice')));
  pull(first, 0);
  pull(second, 0);
  const steps = [0, 0];
  // The first worker takes one second per step; the time it waits is not its own.
  for (now = 1; now <= 60; now++) {
    for (const [index, caller] of [first, second].entries()) {
      const isDue = index === 0 ? steps[0]! - steps[1]! <= staleness : now % 3 === 0;
      if (!isDue) continue;
      push(caller, steps[index]!);
      hear(updated());
      pull(caller, ++steps[index]!);
    }
  }
  expect(lines).toEqual([`notice: worker 1 is slow: 3 s a step, the median worker takes 1 s; ${consequence}`]);
});

test('there is no step in common to commit', () => {
  expect(tell({ type: 'commit', request: 4, caller: first, step: 0, sumOfSquares: 1 })).toEqual([
    'failed-precondition: workers go at their own pace here: no step is common to commit',
  ]);
});

test.each([
  ['minWorkers', { ...policy, minWorkers: 1 }],
  ['backupWorkers', { ...policy, backupWorkers: 1 }],
])('a server that would do without some workers, by %s, refuses the run', (_, sparing) => {
  shard = new Shard(runOf(1), sparing);
  expect(tell({ type: 'join', request: 1, caller: first, run: runOf(1) })).toEqual([
    expect.stringMatching(/^failed-precondition: where workers go at their own pace.*without minimum and backup/),
  ]);
});

test('workers that are to go at another pace are refused', () => {
  expect(tell({ type: 'join', request: 4, caller: second, run: runOf(2) })).toEqual([
    expect.stringMatching(
      /^failed-precondition: worker 1 has its own pace, 2 steps ahead at most, the run its own pace, 1/,
    ),
  ]);
});

function runOf(staleness: number): RunDescription {
  const parameters = [{ name: 'bias', shape: [2] }];
  const lanes = { count: 4, width: 1 };
  const model = { parameters, optimizer: { name: 'sgd' }, clipNorm: undefined, lanes, staleness, run: 'this' } as const;
  return { version: '1', workers: 2, shard: 0, shards: 1, model };
}

function push(caller: Caller, step: number, sumOfSquares = 1): string[] {
  const gradient = { values: Float32Array.of(caller.worker, 0), ranges: [0, 2] };
  const contribution = { gradient, lanes: new Float32Array(4), sumOfSquares: 1 };
  const lanes = { from: 2 * caller.worker, to: 2 * caller.worker + 2 };
  const said = { lanes, counted: [], learningRate: 0.1, sumOfSquares, contribution };
  return tell({ type: 'push', request: requests++, caller, step, ...said });
}

function pull(caller: Caller, step: number, meets = false): string[] {
  const request: Request = { type: 'pull', request: requests++, caller, step, sumOfSquares: undefined, meets };
  return tell(request);
}

function updated(): string[] {
  return tell({ type: 'updated', generation: 1 });
}

function makeStep(caller: Caller, step: number): void {
  push(caller, step);
  updated();
}

/** Returns the heart's effects of a message, one short line per effect. */
function tell(message: ShardMessage): string[] {
  return shard.receive(message, now).map(describeEffect);
}

function describeEffect(effect: ShardEffect): string {
  switch (effect.type) {
    case 'answer':
      if (effect.answer.type === 'pushed') return `pushed, staleness ${effect.answer.staleness}`;
      return effect.answer.type === 'parameters' ? `parameters ${effect.answer.step}` : effect.answer.type;
    case 'refuse':
      return `${effect.code}: ${effect.message}`;
    case 'add':
      return `add ${effect.contribution.gradient.values[0]}${effect.isFirst ? ' first' : ''}`;
    case 'update':
    case 'snapshot':
      return `${effect.type} ${effect.step}`;
    case 'notice':
      return `notice: ${effect.line}`;
    default:
      return effect.type;
  }
}
