// The heart alone, message by message: what it answers and what it asks the shell to do.
import { beforeEach, expect, test } from 'vitest';
import type { Request, RunDescription, ShardEffect, ShardMessage } from './messages.js';
import { Shard } from './shard.js';

const lease = 60;
const model = { parameters: [{ name: 'bias', shape: [2] }], optimizer: { name: 'sgd' }, clipNorm: undefined } as const;
const run: RunDescription = { version: '1', workers: 2, shard: 0, shards: 1, model };
const values = { parameters: new Float32Array(2), slots: {} };
const [first, second] = [{ worker: 0, incarnation: 1 } as const, { worker: 1, incarnation: 1 } as const];

let shard: Shard;
let now: number;

beforeEach(() => {
  now = 0;
  shard = new Shard(run, lease);
  tell({ type: 'join', request: 1, caller: first, run });
  tell({ type: 'initialize', request: 2, caller: first, step: 0, values });
  tell({ type: 'join', request: 3, caller: second, run });
});

test('worker 0 is let in at once, the others when it has initialised the shard', () => {
  shard = new Shard(run, lease);
  expect(tell({ type: 'join', request: 1, caller: second, run })).toEqual(['adopt']);
  expect(tell({ type: 'join', request: 2, caller: first, run })).toEqual(['joined 2']);
  const effects = tell({ type: 'initialize', request: 3, caller: first, step: 0, values });
  expect(effects).toEqual(['install', 'joined 1', 'done 3']);
});

test('gradients are added in worker order, whatever the order of arrival', () => {
  expect(tell(push(4, second))).toEqual([]);
  expect(tell(push(5, first))).toEqual(['add 0 first', 'add 1', 'average']);
});

test('pushes are answered when all have pushed, and the first pull of the next step makes the shard update', () => {
  pushBoth();
  expect(tell({ type: 'averaged', sumOfSquares: 9 })).toEqual(['pushed 4', 'pushed 5']);
  expect(tell(pull(6, first, 1, 9))).toEqual(['update 1']);
  expect(tell(pull(7, second, 1, 9))).toEqual([]);
  expect(tell({ type: 'updated' })).toEqual(['parameters 6', 'parameters 7']);
});

test('a push that was counted is answered again and adds nothing', () => {
  pushBoth();
  tell({ type: 'averaged', sumOfSquares: 9 });
  expect(tell(push(6, first))).toEqual(['pushed 6']);
  tell(pull(7, first, 1, 9));
  tell({ type: 'updated' });
  expect(tell(push(8, second))).toEqual(['pushed 8']);
});

test('a pull repeated after the update reads and does not update', () => {
  update();
  expect(tell(pull(8, first, 1, 9))).toEqual(['parameters 8']);
});

test('a worker that computes another norm is refused, and both norms are named', () => {
  update();
  expect(tell(pull(8, second, 1, 8))).toEqual([
    'refuse 8 failed-precondition: worker 1 pulls step 1 with squared gradient norm 8, worker 0 with 9; ' +
      'do all workers list the same servers?',
  ]);
});

test('a pull of a step that has passed is aborted, so that its worker joins again', () => {
  update();
  expect(tell(pull(8, second, 0))).toEqual(['refuse 8 aborted: worker 1 pulls step 0, the shard is at 1']);
});

test('an older incarnation is refused, and what it waits for too', () => {
  tell(push(4, second));
  const replacement = { worker: 1, incarnation: 2 };
  const replaced =
    'failed-precondition: worker 1 has been replaced by a newer process (incarnation 2, this one is 1); end this one';
  expect(tell({ type: 'join', request: 5, caller: replacement, run })).toEqual([`refuse 4 ${replaced}`, 'joined 5']);
  expect(tell(push(6, second))).toEqual([`refuse 6 ${replaced}`]);
});

test('a push without its gradient is refused', () => {
  expect(tell({ ...push(4, first), gradient: undefined } as Request)).toEqual([
    "refuse 4 failed-precondition: worker 0's gradient of step 0 has not arrived completely; upload all of the vector first",
  ]);
});

test('a worker that is silent for longer than its lease is named to those that wait', () => {
  tell(push(4, first));
  now = lease;
  expect(tell({ type: 'tick' })).toEqual([]);
  now = lease + 1;
  expect(tell({ type: 'tick' })).toEqual([
    'refuse 4 unavailable: worker 1 has not been heard of for 60 s; it was killed or lost its network. ' +
      'Restart the run from its last checkpoint',
  ]);
});

test('a heartbeat renews the lease', () => {
  tell(push(4, first));
  now = lease;
  tell({ type: 'heartbeat', request: 5, caller: second });
  now = lease + 1;
  expect(tell({ type: 'tick' })).toEqual([]);
});

test('draining refuses what waits for workers and serves what waits for the update', () => {
  pushBoth();
  tell({ type: 'averaged', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  expect(tell({ type: 'drain' })).toEqual([]);
  expect(tell({ type: 'updated' })).toEqual(['parameters 6']);
  expect(tell(push(7, first))).toEqual([
    'refuse 7 unavailable: the parameter server is shutting down; resume from the last checkpoint',
  ]);
});

test('the shard is finished when all workers have left', () => {
  expect(tell({ type: 'leave', request: 4, caller: first })).toEqual(['done 4']);
  expect(tell({ type: 'leave', request: 5, caller: second })).toEqual(['done 5', 'finish']);
});

function pushBoth(): void {
  tell(push(4, first));
  tell(push(5, second));
}

function update(): void {
  pushBoth();
  tell({ type: 'averaged', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  tell({ type: 'updated' });
}

function push(request: number, caller: typeof first | typeof second): Request {
  return { type: 'push', request, caller, step: 0, learningRate: 0.1, gradient: Float32Array.of(caller.worker, 0) };
}

function pull(request: number, caller: typeof first | typeof second, step: number, sumOfSquares?: number): Request {
  return { type: 'pull', request, caller, step, sumOfSquares };
}

/** What the heart makes of a message, one short line an effect. */
function tell(message: ShardMessage): string[] {
  return shard.receive(message, now).map(describeEffect);
}

function describeEffect(effect: ShardEffect): string {
  switch (effect.type) {
    case 'answer':
      return `${effect.answer.type} ${effect.request}`;
    case 'refuse':
      return `refuse ${effect.request} ${effect.code}: ${effect.message}`;
    case 'add':
      return `add ${effect.gradient[0]}${effect.isFirst ? ' first' : ''}`;
    case 'update':
      return `update ${effect.step}`;
    default:
      return effect.type;
  }
}
