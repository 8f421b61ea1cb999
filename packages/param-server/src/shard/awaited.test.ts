// A shard's own account of what its run is waiting for, as the run goes on.
import { expect, test } from 'vitest';
import type { Caller, RunDescription, ShardMessage } from './messages.js';
import { Shard } from './shard.js';

const model = {
  parameters: [{ name: 'bias', shape: [2] }],
  ...{ optimizer: { name: 'sgd' as const }, clipNorm: undefined, lanes: { count: 2, width: 1 }, run: 'this' },
};
const run: RunDescription = { version: '1', workers: 2, shard: 0, shards: 1, model };
const policy = { minWorkers: 2, backupWorkers: 0, leaseSeconds: 60, patienceSeconds: 600, snapshotEvery: 1 };
const values = { parameters: new Float32Array(2), slots: {}, lanes: new Float32Array(2) };
const contribution = {
  gradient: { values: new Float32Array(0), ranges: [] },
  sumOfSquares: 1,
  lanes: new Float32Array(2),
};
const [first, second] = [0, 1].map((worker) => ({ worker, incarnation: 1, generation: 1, lease: 0 })) as [
  Caller,
  Caller,
];

test('a shard says which workers its run waits for, or which storage', () => {
  const shard = new Shard(run, policy);
  let request = 0;
  const tell = (message: ShardMessage) => void shard.receive(message, 0);
  const push = (caller: Caller, step: number) => {
    const lanes = { from: caller.worker, to: caller.worker + 1 };
    const details = { learningRate: 0.1, counted: [], sumOfSquares: undefined, contribution };
    tell({ type: 'push', request: request++, caller, step, lanes, ...details });
  };
  const pull = (caller: Caller, step: number) =>
    tell({ type: 'pull', request: request++, caller, step, sumOfSquares: 9, meets: false });

  expect(shard.awaited(0)).toEqual({ what: 'the first of 2 workers', where: '' });
  tell({ type: 'join', request: request++, caller: second, run });
  expect(shard.awaited(0)).toEqual({ what: 'worker 0', where: '' });
  tell({ type: 'join', request: request++, caller: first, run });
  tell({ type: 'initialize', request: request++, caller: first, generation: 1, step: 0, values });
  expect(shard.awaited(0)).toBeUndefined();
  push(first, 0);
  expect(shard.awaited(0)).toEqual({ what: 'worker 1', where: 'at step 0' });
  push(second, 0);
  expect(shard.awaited(0)).toBeUndefined();

  for (const step of [0, 1]) {
    if (step > 0) for (const caller of [first, second]) push(caller, step);
    tell({ type: 'measured', sumOfSquares: 9 });
    for (const caller of [first, second]) pull(caller, step + 1);
    tell({ type: 'updated', generation: 1 });
  }
  expect(shard.awaited(0)).toEqual({ what: 'the snapshot before to be written', where: 'at step 2' });
  tell({ type: 'snapshot-written' });
  expect(shard.awaited(0)).toBeUndefined();
  expect(shard.awaited(61)).toEqual({ what: 'worker 0, worker 1 to come back', where: 'at step 2' });
});
