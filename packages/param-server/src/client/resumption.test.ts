import { expect, test } from 'vitest';
import { unroll } from '../generated/parameter-server.js';
import { type Joiner, planOf } from './resumption.js';

const { JoinResponse } = unroll.v1;
const fresh: Joiner = {
  isChief: true,
  hasEntered: false,
  generation: 0,
  startStep: 0,
  snapshots: 'refuse',
  ownPace: false,
};

/** Returns a shard's answer with these fields and nothing else. */
function answer(fields: unroll.v1.JoinResponse.$Properties): unroll.v1.JoinResponse {
  return JoinResponse.decode(JoinResponse.encode(fields).finish());
}

const at = (step: number, generation = 1) => answer({ initialized: true, generation, step, lanesTo: 4 });
const empty = (...snapshots: number[]) => answer({ snapshots });

test('shards at one step are entered there', () => {
  expect(planOf([at(7), at(7)], { ...fresh, isChief: false })).toMatchObject({ type: 'enter', step: 7, generation: 1 });
});

test('a shard that lags by an update is told the norm that its update needs', () => {
  const ahead = answer({ initialized: true, generation: 1, step: 8, appliedSumOfSquares: 3 });
  const behind = answer({ initialized: true, generation: 1, step: 7, pendingSumOfSquares: 4 });
  expect(planOf([ahead, behind], fresh)).toMatchObject({ type: 'enter', step: 8, sumOfSquares: 7 });
});

test('where workers go at their own pace, the first shard says where a worker is', () => {
  const plan = planOf([at(7), at(8)], { ...fresh, ownPace: true });
  expect(plan).toMatchObject({ type: 'enter', step: 7, sumOfSquares: undefined });
});

test('shards without values begin with those of the start', () => {
  expect(planOf([empty(), empty()], fresh)).toEqual({ type: 'begin', generation: 1, snapshot: undefined });
});

test('when a server was restarted, all go back to the newest snapshot that they share, in a new generation', () => {
  const alive = answer({ initialized: true, generation: 4, step: 37, snapshots: [10, 20, 30] });
  expect(planOf([alive, empty(10, 20)], fresh)).toEqual({ type: 'begin', generation: 5, snapshot: 20 });
  expect(planOf([alive, empty(15)], fresh)).toEqual({ type: 'begin', generation: 5, snapshot: undefined });
});

test('a checkpoint that is newer than the snapshots is preferred to them', () => {
  const alive = answer({ initialized: true, generation: 1, step: 37, snapshots: [10, 20] });
  const plan = planOf([alive, empty(10, 20)], { ...fresh, startStep: 25 });
  expect(plan).toEqual({ type: 'begin', generation: 2, snapshot: undefined });
});

test('only the chief gives shards their values', () => {
  expect(planOf([at(7, 2), at(5, 3)], { ...fresh, isChief: false })).toEqual({ type: 'join again' });
});

test('snapshots of a run with another number of servers are not passed over', () => {
  const servers = [answer({ foreignSnapshots: 3, foreignShards: 1 }), empty()];
  const line =
    'parameter server 0 holds snapshots of a run with another number of servers, 1 instead of 2; start as many';
  expect(() => planOf(servers, { ...fresh, snapshots: 'restore' })).toThrow(line);
  expect(() => planOf(servers, fresh)).toThrow(line);
  expect(planOf(servers, { ...fresh, snapshots: 'discard' })).toMatchObject({ snapshot: undefined });
});

test('a new run does not touch the snapshots of one before unless it is told to', () => {
  const servers = [empty(10, 20), empty(10)];
  expect(() => planOf(servers, fresh)).toThrow(
    'parameter server 0 holds snapshots of this run up to step 20; resume to go on from them, or overwrite to set them aside',
  );
  expect(planOf(servers, { ...fresh, snapshots: 'restore' })).toMatchObject({ snapshot: 10 });
  expect(planOf(servers, { ...fresh, snapshots: 'discard' })).toMatchObject({ snapshot: undefined });
  expect(planOf(servers, { ...fresh, hasEntered: true })).toMatchObject({ snapshot: 10 });
});

test('the snapshots of another run are refused whatever is resumed', () => {
  const servers = [empty(), answer({ foreignSnapshots: 2 })];
  expect(() => planOf(servers, { ...fresh, snapshots: 'restore' })).toThrow(
    'parameter server 1 holds snapshots of another run',
  );
});

test('servers that take snapshots at different steps are refused', () => {
  const servers = [answer({ snapshotEvery: 100 }), answer({ snapshotEvery: 200 })];
  expect(() => planOf(servers, fresh)).toThrow(
    'take snapshots every 100, 200 steps; let all take them at the same steps',
  );
});

test('shards whose generation was begun by two processes begin another', () => {
  const [first, second] = [at(12, 5), at(8, 5)];
  const begun = (shard: unroll.v1.JoinResponse, begunBy: number) => answer({ ...shard, begunBy });
  const shards = [begun(first, 12), begun(second, 8)];
  expect(planOf(shards, fresh)).toEqual({ type: 'begin', generation: 6, snapshot: undefined });
  expect(planOf(shards, { ...fresh, isChief: false })).toEqual({ type: 'join again' });
});

test('servers that were all restarted begin a generation that no live process knows', () => {
  const plan = planOf([empty(10), empty(10)], { ...fresh, hasEntered: true, generation: 3 });
  expect(plan).toEqual({ type: 'begin', generation: 4, snapshot: 10 });
});
