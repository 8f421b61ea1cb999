// The heart alone, message by message: its answers, and the effects it asks the shell to carry out.
import { beforeEach, expect, test } from 'vitest';
import type { ModelDescription } from '../vectors/model.js';
import type { ShardPolicy } from './agreement.js';
import type { Caller, Request, RunDescription, ShardEffect, ShardMessage } from './messages.js';
import { Shard } from './shard.js';

const [lease, patience] = [60, 600];
const policy = { minWorkers: 2, backupWorkers: 0, leaseSeconds: lease, patienceSeconds: patience, snapshotEvery: 0 };
const elastic = { ...policy, minWorkers: 1 };
const model: ModelDescription = {
  parameters: [{ name: 'bias', shape: [2] }],
  optimizer: { name: 'sgd' },
  clipNorm: undefined,
  lanes: { count: 4, width: 1 },
  run: 'this',
};
const run: RunDescription = { version: '1', workers: 2, shard: 0, shards: 1, model };
const values = { parameters: new Float32Array(2), slots: {}, lanes: new Float32Array(4) };
const first = { worker: 0, incarnation: 1, generation: 1, lease: 0 };
const second = { worker: 1, incarnation: 1, generation: 1, lease: 0 };

let shard: Shard;
let now: number;
/** The effects with which the shard said that it has ended. */
let ends: ShardEffect[];

beforeEach(() => {
  start(policy);
});

/** Starts a shard with values, which both workers have joined. */
function start(chosen: ShardPolicy, at = run): void {
  now = 0;
  ends = [];
  shard = new Shard(at, chosen);
  tell({ type: 'join', request: 1, caller: first, run: at });
  tell({ type: 'initialize', request: 2, caller: first, generation: 1, step: 0, values });
  tell({ type: 'join', request: 3, caller: second, run: at });
}

test('worker 0 is let in at once, the others when it has initialised the shard', () => {
  shard = new Shard(run, policy);
  expect(tell({ type: 'join', request: 1, caller: second, run })).toEqual(['adopt']);
  expect(tell({ type: 'join', request: 2, caller: first, run })).toEqual(['joined 2']);
  const effects = tell({ type: 'initialize', request: 3, caller: first, generation: 1, step: 0, values });
  expect(effects).toEqual(['install', 'set-aside', 'joined 1', 'done 3']);
});

test('gradients are added in the order of their lanes, whatever the order of arrival', () => {
  expect(tell(push(4, second))).toEqual([]);
  expect(tell(push(5, first))).toEqual(['add 0 first', 'add 1', 'measure']);
});

test('pushes are answered when all have pushed, and the first pull of the next step makes the shard update', () => {
  pushBoth();
  expect(tell({ type: 'measured', sumOfSquares: 9 })).toEqual(['pushed 4', 'pushed 5']);
  expect(tell(pull(6, first, 1, 9))).toEqual(['update 1']);
  expect(tell(pull(7, second, 1, 9))).toEqual([]);
  expect(tell({ type: 'updated', generation: 1 })).toEqual(['parameters 6', 'parameters 7']);
});

test('a push that was counted is answered again and adds nothing', () => {
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  expect(tell(push(6, first))).toEqual(['pushed 6']);
  tell(pull(7, first, 1, 9));
  tell({ type: 'updated', generation: 1 });
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
      'do both list the same servers? If so, one of them lies: end it',
  ]);
});

test('the only server refuses a worker that says another norm than the server has computed, and goes on', () => {
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  const lie =
    'refuse 6 failed-precondition: worker 1 says that the squared norm of the gradient of step 0 is 10, but on this server ' +
    'it is 9; end that worker, and use a client of this version';
  expect(tell(pull(6, second, 1, 10))).toEqual([lie]);
  expect(tell({ type: 'commit', request: 6, caller: second, step: 0, sumOfSquares: 10 })).toEqual([lie]);
  expect(tell(pull(7, first, 1, 9))).toEqual(['update 1']);
});

test('one of several servers refuses a worker that says less than its own part, which would turn clipping off', () => {
  start(policy, { ...run, shards: 2 });
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  const [refusal] = tell({ type: 'commit', request: 6, caller: second, step: 0, sumOfSquares: 0 });
  expect(refusal).toContain('worker 1 says that the squared norm of the gradient of step 0 is 0');
  expect(tell({ type: 'commit', request: 7, caller: first, step: 0, sumOfSquares: 12 })).toEqual([
    'update 1',
    'done 7',
  ]);
});

test('gradients that add up to something infinite end the run, and the largest is named', () => {
  tell(push(4, first));
  tell(push(5, second));
  const reason =
    "step 0: the gradients add up to Infinity, the largest, of norm 1, is worker 1's: training diverged; lower " +
    'the learning rate or the clipping norm, then resume from the last checkpoint';
  expect(tell({ type: 'measured', sumOfSquares: Number.POSITIVE_INFINITY })).toEqual([
    `notice: ${reason}`,
    `refuse 4 failed-precondition: ${reason}`,
    `refuse 5 failed-precondition: ${reason}`,
  ]);
});

test('an update that would make a parameter infinite ends the run: nothing is read or saved after it', () => {
  start({ ...policy, snapshotEvery: 1 });
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  const effects = tell({ type: 'diverged', generation: 1, what: "'bias' would be Infinity" });
  const reason = "step 0: 'bias' would be Infinity: training diverged";
  expect(effects).toEqual([
    expect.stringContaining(`notice: ${reason}`),
    expect.stringContaining(`refuse 6 failed-precondition: ${reason}`),
  ]);
  expect(tell(pull(7, second, 1, 9))).toEqual([expect.stringContaining(reason)]);
  expect(shard.isReadableAt(1, 0)).toBe(false);
  expect(shard.isReadableAt(1, 1)).toBe(false);
  tell({ type: 'leave', request: 8, caller: first, isFinished: false });
  tell({ type: 'leave', request: 9, caller: second, isFinished: false });
  expect(ends).toEqual([{ type: 'finish', isComplete: false, isAgreed: false }]);
});

test('a worker that claims a lease which nobody has dealt changes nothing', () => {
  tell(push(4, first));
  expect(tell(push(5, { ...second, lease: 7 }))).toEqual([
    'refuse 5 aborted: worker 1 pushes under lease 7, the last is 0; join again',
  ]);
  expect(tell(push(6, second))).toEqual(['add 1', 'measure']);
});

test('a generation far beyond all others does not keep the later ones out', () => {
  const later = { ...run, shard: 1, shards: 2 };
  start(policy, later);
  const last = 2 ** 53 - 1;
  const lie = { type: 'initialize', request: 4, caller: second, generation: last, step: 0, values } as const;
  expect(tell(lie)).toEqual([`refuse 4 aborted: generation ${last} is far beyond 1, the shard's; join again`]);
  const far = 3 * 2 ** 20;
  const begin = { type: 'restore', request: 5, caller: first, generation: far + 1, step: 8 } as const;
  const said = { ...first, generation: far };
  expect(tell(begin)).toEqual([expect.stringContaining('refuse 5 aborted')]);
  const claim = { ordinal: 0, above: 0, isChief: true };
  for (let k = 0; k < 3; k++) tell({ type: 'join', request: 6 + k, caller: said, run: later, claim });
  expect(tell({ ...begin, request: 9 })).toContain('read-snapshot 8');
});

test('snapshots are cleared when as many workers as the run needs say that it is over, not when one does', () => {
  shard = new Shard(run, policy);
  tell({ type: 'join', request: 1, caller: second, run });
  tell({ type: 'leave', request: 2, caller: second, isFinished: true });
  expect(ends).toEqual([{ type: 'finish', isComplete: true, isAgreed: false }]);
  start(policy);
  tell({ type: 'leave', request: 4, caller: first, isFinished: true });
  tell({ type: 'leave', request: 5, caller: second, isFinished: true });
  expect(ends).toEqual([{ type: 'finish', isComplete: true, isAgreed: true }]);
});

test('a pull of a step that has passed is aborted, so that its worker joins again', () => {
  update();
  expect(tell(pull(8, second, 0))).toEqual(['refuse 8 aborted: worker 1 pulls step 0, the shard is at 1']);
});

test('a process that joins later is believed, and what the older one waits for is refused', () => {
  tell(push(4, second));
  const replacement = { ...second, incarnation: 2 };
  const replaced =
    'failed-precondition: worker 1 has been replaced by a process that joined later; end this one, or give each an index ' +
    'of its own';
  expect(tell({ type: 'join', request: 5, caller: replacement, run })).toEqual([`refuse 4 ${replaced}`, 'joined 5']);
  expect(tell(push(6, second))).toEqual([`refuse 6 ${replaced}`]);
});

test('a newer join of a worker takes the place of the one that waits, which is answered at once', () => {
  shard = new Shard(run, policy);
  tell({ type: 'join', request: 1, caller: second, run });
  const replaced = 'refuse 1 aborted: worker 1 has sent another Join, which takes the place of this one';
  expect(tell({ type: 'join', request: 2, caller: second, run })).toEqual([replaced]);
  tell({ type: 'join', request: 3, caller: first, run });
  expect(tell({ type: 'initialize', request: 4, caller: first, generation: 1, step: 0, values })).toContain('joined 2');
});

test('a worker has at most so many calls waiting, and the oldest is refused', () => {
  for (let request = 4; request < 4 + 64; request++) expect(tell(push(request, first))).not.toContain('refuse');
  expect(tell(push(99, first))).toEqual(['refuse 4 aborted: worker 0 has more than 64 calls waiting; join again']);
});

test('a push without its gradient is refused', () => {
  expect(tell({ ...push(4, first), contribution: undefined } as Request)).toEqual([
    "refuse 4 failed-precondition: worker 0's gradient of step 0 has not arrived completely; upload all of the vector first",
  ]);
});

test('a worker that is silent for longer than its lease is reported once, and again when it is back', () => {
  tell(push(4, first));
  now = lease;
  expect(tell({ type: 'tick' })).toEqual([]);
  now = lease + 1;
  const silent = 'worker 1 has been silent for 60 s; the others wait for it at step 0, until 600 s have passed';
  expect(tell({ type: 'tick' })).toEqual([`notice: ${silent}`]);
  expect(tell({ type: 'tick' })).toEqual([]);
  const restarted = { ...second, incarnation: 2 };
  const back = 'notice: worker 1 is back at step 0';
  expect(tell({ type: 'join', request: 5, caller: restarted, run })).toEqual([back, 'joined 5']);
});

test('a worker that is silent for longer than anybody waits is named to those that wait', () => {
  tell(push(4, first));
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual([
    'refuse 4 peer-lost: worker 1 has not been heard of for 600 s; it was killed or lost its network. ' +
      'Start it again, and resume the run',
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
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  expect(tell({ type: 'drain' })).toEqual([]);
  expect(tell({ type: 'updated', generation: 1 })).toEqual(['parameters 6']);
  expect(tell(push(7, first))).toEqual(['refuse 7 unavailable: the parameter server is shutting down']);
});

test('a worker that has nothing left to do waits until that is so for all', () => {
  expect(tell({ type: 'finish', request: 4, caller: first, endsRun: false })).toEqual([]);
  expect(tell({ type: 'finish', request: 5, caller: second, endsRun: false })).toEqual(['done 4', 'done 5']);
});

test('a chief that ends the training makes the others join again, to finish', () => {
  const refusal = 'aborted: the chief has ended the training; join again';
  tell(push(4, second));
  expect(tell({ type: 'finish', request: 5, caller: first, endsRun: true })).toEqual([`refuse 4 ${refusal}`]);
  expect(tell(push(6, second))).toEqual([`refuse 6 ${refusal}`]);
  const [joined] = shard.receive({ type: 'join', request: 7, caller: second, run }, now);
  expect(joined).toMatchObject({ answer: { type: 'joined', ended: true } });
  expect(tell({ type: 'finish', request: 8, caller: second, endsRun: false })).toEqual(['done 5', 'done 8']);
});

test('a worker that is not the chief cannot end the training for others', () => {
  expect(tell({ type: 'finish', request: 4, caller: second, endsRun: true })).toEqual([]);
  expect(shard.receive({ type: 'join', request: 5, caller: first, run }, now)[0]).toMatchObject({
    answer: { type: 'joined', ended: false },
  });
});

test('the shard is finished when all workers have left', () => {
  expect(tell({ type: 'leave', request: 4, caller: first, isFinished: true })).toEqual(['done 4']);
  expect(tell({ type: 'leave', request: 5, caller: second, isFinished: true })).toEqual(['done 5', 'finish']);
});

test('a worker that has yet to join is not lost while it is heard of', () => {
  shard = new Shard(run, policy);
  tell({ type: 'join', request: 1, caller: second, run });
  now = patience;
  expect(tell({ type: 'heartbeat', request: 2, caller: first })).toEqual([
    'refuse 2 aborted: worker 0 has not joined this server, which was restarted; join again',
  ]);
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual([]);
});

test('a run that goes back to its start, because there is no snapshot, says so', () => {
  expect(tell({ type: 'initialize', request: 4, caller: first, generation: 2, step: 0, values })).toEqual([
    'install',
    'set-aside',
    'notice: back at step 0, where the run started: the servers have no snapshot that all of them hold; give each a folder for snapshots that survives it',
    'done 4',
  ]);
});

test('when worker 0 has the values restored, what others wait for is refused, and they join again', () => {
  tell(push(4, second));
  expect(tell({ type: 'restore', request: 5, caller: first, generation: 2, step: 8 })).toEqual([
    'refuse 4 aborted: the servers went back to an earlier step; join again',
    'read-snapshot 8',
  ]);
  expect(tell({ type: 'join', request: 6, caller: second, run })).toEqual([]);
  expect(tell({ type: 'snapshot-read', generation: 2, step: 8, values })).toEqual([
    'install',
    'set-aside',
    'notice: back at step 8, from its snapshot',
    'joined 6',
    'done 5',
  ]);
  expect(tell({ ...push(7, second), step: 8 } as Request)).toEqual([
    'refuse 7 aborted: worker 1 knows nothing of generation 2; join again',
  ]);
});

test('a snapshot that is read too late, when worker 0 has begun a newer generation, is not installed', () => {
  tell({ type: 'restore', request: 5, caller: first, generation: 2, step: 50 });
  const newer = { ...first, incarnation: 2 };
  tell({ type: 'join', request: 6, caller: newer, run });
  const begun = tell({ type: 'initialize', request: 7, caller: newer, generation: 3, step: 60, values });
  expect(begun).toContain('install');
  expect(tell({ type: 'snapshot-read', generation: 2, step: 50, values })).toEqual([]);
  expect(tell({ type: 'snapshot-unreadable', generation: 2, reason: 'damaged' })).toEqual(['notice: damaged']);
  expect(tell({ ...pull(8, { ...newer, generation: 3 }, 60, 9), sumOfSquares: undefined } as Request)).toEqual([
    'parameters 8',
  ]);
});

test('an update that fails after the values were replaced does not end the run', () => {
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  tell({ type: 'initialize', request: 7, caller: first, generation: 2, step: 0, values });
  expect(tell({ type: 'update-failed', generation: 1, reason: 'out of memory' })).toEqual([]);
  expect(tell({ type: 'heartbeat', request: 8, caller: first })).toEqual(['beat 8']);
});

test('a generation that has begun at one step cannot begin at another: worker 0 joins again', () => {
  tell({ type: 'restore', request: 5, caller: first, generation: 2, step: 8 });
  expect(tell({ type: 'restore', request: 6, caller: first, generation: 2, step: 8 })).toEqual([]);
  expect(tell({ type: 'restore', request: 7, caller: first, generation: 2, step: 4 })).toEqual([
    'refuse 7 aborted: generation 2 did not begin at step 4 with restore; join again',
  ]);
  expect(tell({ type: 'initialize', request: 8, caller: first, generation: 2, step: 8, values })).toEqual([
    'refuse 8 aborted: generation 2 did not begin at step 8 with initialize; join again',
  ]);
});

test('a join that is delivered again after the worker has left does not bring it back', () => {
  tell({ type: 'leave', request: 4, caller: first, isFinished: true });
  expect(tell({ type: 'join', request: 5, caller: first, run })).toEqual([
    'refuse 5 failed-precondition: worker 0 has left the run',
  ]);
  expect(tell({ type: 'leave', request: 6, caller: second, isFinished: true })).toEqual(['done 6', 'finish']);
});

test('a worker that replaces one which had finished has yet to finish itself', () => {
  tell({ type: 'finish', request: 4, caller: first, endsRun: false });
  const newer = { ...first, incarnation: 2 };
  tell({ type: 'join', request: 5, caller: newer, run });
  expect(tell({ type: 'finish', request: 6, caller: second, endsRun: false })).toEqual([]);
  expect(tell({ type: 'finish', request: 7, caller: newer, endsRun: false })).toEqual(['done 6', 'done 7']);
});

test('a later shard of an elastic run does not end because the only worker that it knows leaves', () => {
  const later = { ...run, shard: 1, shards: 2 };
  shard = new Shard(later, elastic);
  tell({ type: 'join', request: 1, caller: second, run: later });
  expect(tell({ type: 'leave', request: 2, caller: second, isFinished: false })).toEqual([
    'done 2',
    'refuse 1 failed-precondition: worker 1 has left the run',
  ]);
  const claim = { ordinal: 3, above: 0, isChief: true };
  expect(tell({ type: 'join', request: 3, caller: first, run: later, claim })).toEqual(['joined 3']);
  expect(tell({ type: 'leave', request: 4, caller: first, isFinished: true })).toEqual(['done 4', 'finish']);
});

test('a shard ends without a worker that is lost when the others have said goodbye', () => {
  start(elastic);
  tell({ type: 'leave', request: 4, caller: first, isFinished: true });
  now = patience;
  expect(tell({ type: 'tick' })).not.toContain('finish');
  now = patience + 1;
  expect(tell({ type: 'tick' })).toContain('finish');
  expect(tell({ type: 'tick' })).not.toContain('finish');
});

test('a shard that no worker has left does not end when all are silent: it may have been stopped itself', () => {
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual([]);
  expect(tell({ type: 'heartbeat', request: 4, caller: first })).toEqual(['beat 4']);
});

test('a goodbye before the end is not one in the end, although the worker had finished', () => {
  tell({ type: 'finish', request: 4, caller: first, endsRun: false });
  tell({ type: 'leave', request: 5, caller: first, isFinished: false });
  tell({ type: 'leave', request: 6, caller: second, isFinished: false });
  expect(ends).toEqual([{ type: 'finish', isComplete: false, isAgreed: false }]);
});

test('a server that was restarted after the last step ends with the first goodbye', () => {
  shard = new Shard(run, policy);
  expect(tell({ type: 'leave', request: 1, caller: first, isFinished: false })).toEqual([
    'refuse 1 aborted: worker 0 has not joined this server, which was restarted; join again',
  ]);
  expect(tell({ type: 'leave', request: 2, caller: first, isFinished: true })).toEqual(['done 2', 'finish']);
});

/** Every request that a worker of the run may send, as in its first step. */
const asked = (caller: Caller): Record<string, Request> => ({
  initialize: { type: 'initialize', request: 9, caller, generation: 2, step: 0, values },
  restore: { type: 'restore', request: 9, caller, generation: 2, step: 8 },
  push: push(9, caller),
  commit: { type: 'commit', request: 9, caller, step: 0, sumOfSquares: 9 },
  pull: pull(9, caller, 0),
  heartbeat: { type: 'heartbeat', request: 9, caller },
  finish: { type: 'finish', request: 9, caller, endsRun: false },
});

test.each(Object.keys(asked(first)))('a %s that comes after the goodbye of its worker changes nothing', (type) => {
  start(elastic);
  tell({ type: 'leave', request: 4, caller: first, isFinished: false });
  const refused = ['refuse 9 failed-precondition: worker 0 has left the run'];
  expect(tell(asked(first)[type]!)).toEqual(refused);
  expect(tell({ type: 'leave', request: 5, caller: first, isFinished: false })).toEqual(['done 5']);
});

test.each([...Object.keys(asked(first)), 'leave'])('a %s of a process that was replaced changes nothing', (type) => {
  tell({ type: 'join', request: 4, caller: { ...first, incarnation: 2 }, run });
  const late: Request = asked(first)[type] ?? { type: 'leave', request: 9, caller: first, isFinished: true };
  expect(tell(late)).toEqual([expect.stringMatching(/^refuse 9 failed-precondition: worker 0 has been replaced/)]);
});

test('an update that ends after the values were replaced changes nothing', () => {
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  tell({ type: 'initialize', request: 7, caller: first, generation: 2, step: 0, values });
  expect(tell({ type: 'updated', generation: 1 })).toEqual([]);
  expect(tell(pull(8, { ...first, generation: 2 }, 0))).toEqual(['parameters 8']);
});

test('a snapshot is taken at every multiple of its interval, before workers go on', () => {
  start({ ...policy, snapshotEvery: 1 });
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  expect(tell({ type: 'updated', generation: 1 })).toEqual(['snapshot 1', 'parameters 6']);
});

test('an update that leads to a snapshot is not shown while the one before is being written', () => {
  start({ ...policy, snapshotEvery: 1 });
  update();
  tell({ ...push(8, first), step: 1 } as Request);
  tell({ ...push(9, second), step: 1 } as Request);
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(10, first, 2, 9));
  expect(tell({ type: 'updated', generation: 1 })).toEqual([]);
  expect(tell({ type: 'snapshot-written' })).toEqual(['snapshot 2', 'parameters 10']);
});

test('a step is made without a backup worker that is late, and it joins again when that has happened', () => {
  start({ ...policy, backupWorkers: 1 });
  expect(tell(push(4, first))).toEqual(['add 0 first', 'measure']);
  expect(tell({ type: 'measured', sumOfSquares: 9 })).toEqual(['pushed 4']);
  expect(tell(push(5, second))).toEqual([]);
  const late = 'aborted: worker 1 pushes step 0 when enough others have; join again';
  expect(tell(pull(6, first, 1, 9))).toEqual([`refuse 5 ${late}`, 'update 1']);
  tell({ type: 'updated', generation: 1 });
  expect(tell(push(7, second))).toEqual([`refuse 7 ${late}`]);
});

test('worker 0 is waited for, whoever else has pushed', () => {
  start({ ...policy, backupWorkers: 1 });
  expect(tell(push(4, second))).toEqual([]);
  expect(tell(push(5, first))).toEqual(['add 0 first', 'add 1', 'measure']);
});

test('shards but the first make a step of those whom the first has counted', () => {
  start({ ...policy, backupWorkers: 1 }, { ...run, shard: 1, shards: 2 });
  expect(tell({ ...push(4, second), counted: [0, 1] } as Request)).toEqual([]);
  expect(tell({ ...push(5, first), counted: [0, 1] } as Request)).toEqual(['add 0 first', 'add 1', 'measure']);
});

test('a step is made anew if a worker is lost that it counted on', () => {
  start({ ...policy, backupWorkers: 1 });
  tell(push(4, second));
  tell(push(5, first));
  tell({ type: 'measured', sumOfSquares: 9 });
  now = patience + 1;
  tell({ type: 'heartbeat', request: 6, caller: first });
  expect(tell({ type: 'commit', request: 7, caller: first, step: 0, sumOfSquares: 9 })).toEqual([
    'refuse 7 aborted: the lanes have been leased anew; join again for yours',
  ]);
  expect(tell(push(8, { ...first, lease: 1 }))).toEqual(['add 0 first', 'measure']);
});

test('the run ends without a backup worker that is lost', () => {
  start({ ...policy, backupWorkers: 1 });
  expect(tell({ type: 'finish', request: 4, caller: first, endsRun: false })).toEqual([]);
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual(['done 4']);
});

test('in an elastic run the lanes of a lost worker go to the others, who compute the step again', () => {
  start(elastic);
  tell(push(4, first));
  now = patience + 1;
  tell({ type: 'heartbeat', request: 5, caller: first });
  expect(tell(push(6, { ...first, lease: 1 }, { from: 0, to: 4 }))).toEqual(['add 0 first', 'measure']);
});

test('in an elastic run another worker becomes the chief when the chief is lost, and hears of it as it joins again', () => {
  start(elastic);
  now = patience;
  tell({ type: 'heartbeat', request: 4, caller: second });
  now = patience + 1;
  expect(tell({ type: 'finish', request: 5, caller: second, endsRun: false })).toEqual([
    'notice: 1 of 2 workers share the lanes at step 0: 1',
    'notice: worker 1 takes over the checkpoints from worker 0 at step 0',
    'refuse 5 aborted: another worker writes the checkpoints now; join again',
  ]);
  const [answer] = shard.receive({ type: 'join', request: 6, caller: second, run }, now);
  expect(answer).toMatchObject({ answer: { type: 'joined', isChief: true, lease: 1 } });
  const restored = { type: 'restore', generation: 2, step: 8 } as const;
  const newFirst = { ...first, incarnation: 2 };
  tell({ type: 'join', request: 7, caller: newFirst, run });
  expect(tell({ ...restored, request: 8, caller: newFirst })).toEqual([
    'refuse 8 aborted: worker 0 may not initialise the shard: it is not the chief; join again',
  ]);
  expect(tell({ ...restored, request: 9, caller: second })).toContain('read-snapshot 8');
});

test('a worker that joined before the chief was replaced neither finishes nor reads what a checkpoint needs', () => {
  start(elastic);
  now = patience;
  tell({ type: 'heartbeat', request: 4, caller: first });
  now = patience + 1;
  tell({ type: 'tick' });
  const anew = 'aborted: the lanes have been leased anew; join again for yours';
  expect(tell({ type: 'finish', request: 5, caller: first, endsRun: false })).toEqual([`refuse 5 ${anew}`]);
  expect(tell(pull(6, first, 0))).toEqual([`refuse 6 ${anew}`]);
});

test('in an elastic run a worker that waits is the chief where worker 0 does not come to give the values', () => {
  shard = new Shard(run, elastic);
  tell({ type: 'join', request: 1, caller: second, run });
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual([
    'notice: worker 1 takes over the checkpoints from worker 0 before it initialised the parameters',
    'joined 1',
  ]);
});

test('shards but the first let in whom the first has called the chief', () => {
  const later = { ...run, shard: 1, shards: 2 };
  shard = new Shard(later, elastic);
  expect(tell({ type: 'join', request: 1, caller: first, run: later })).toEqual(['adopt']);
  const claim = { ordinal: 2, above: 0, isChief: true };
  expect(tell({ type: 'join', request: 2, caller: second, run: later, claim })).toEqual(['joined 2']);
});

test('in an elastic run the lanes of a lost worker go to the others although it has pushed: other shards may lack its push', () => {
  start(elastic);
  tell(push(4, second));
  now = patience;
  tell({ type: 'heartbeat', request: 5, caller: first });
  now = patience + 1;
  expect(tell({ type: 'tick' })).toEqual([
    'refuse 4 aborted: the lanes have been leased anew; join again for yours',
    'notice: 1 of 2 workers share the lanes at step 0: 0',
  ]);
});

test('in an elastic run a worker that comes late gets lanes where nobody has pushed yet', () => {
  start(elastic);
  tell({ type: 'leave', request: 4, caller: second, isFinished: false });
  const alone = { ...first, lease: 1 };
  tell(push(5, alone, { from: 0, to: 4 }));
  const late = { ...second, incarnation: 2 };
  expect(tell({ type: 'join', request: 6, caller: late, run })).toEqual([]);
  tell({ type: 'measured', sumOfSquares: 9 });
  expect(tell(pull(7, alone, 1, 9))).toEqual([
    'update 1',
    'notice: 2 of 2 workers share the lanes at step 1: 0, 1',
    'joined 6',
  ]);
});

test('shards but the first learn of new leases from the first push under one', () => {
  start(elastic, { ...run, shard: 1, shards: 2 });
  tell(push(4, first));
  expect(tell(push(5, { ...first, lease: 1 }, { from: 0, to: 4 }))).toEqual([
    'refuse 4 aborted: the lanes have been leased anew; join again for yours',
    'add 0 first',
    'measure',
  ]);
});

test('a worker that takes far longer than the median is reported by name', () => {
  const lines: string[] = [];
  for (let step = 0; step < 20; step++) {
    tell(pull(4, first, step));
    tell(pull(5, second, step));
    now += 1;
    tell({ ...push(6, first), step } as Request);
    now += 2;
    tell({ ...push(7, second), step } as Request);
    lines.push(...tell({ type: 'measured', sumOfSquares: 9 }).filter((line) => line.startsWith('notice')));
    tell(pull(8, first, step + 1, 9));
    tell({ type: 'updated', generation: 1 });
  }
  expect(lines).toEqual([
    'notice: worker 1 is slow: 3 s a step, the median worker takes 1 s; all wait for it at every step',
  ]);
});

test('a backup worker whose gradients always come too late is reported by name', () => {
  start({ ...policy, backupWorkers: 1 });
  const lines: string[] = [];
  const hear = (heard: string[]) => lines.push(...heard.filter((line) => line.startsWith('notice')));
  let begun = 0;
  tell(pull(5, second, begun));
  for (let step = 0; step < 20; step++) {
    tell(pull(4, first, step));
    now += 1;
    tell({ ...push(6, first), step } as Request);
    hear(tell({ type: 'measured', sumOfSquares: 9 }));
    tell(pull(8, first, step + 1, 9));
    tell({ type: 'updated', generation: 1 });
    if (step % 3 !== 2) continue;
    tell({ ...push(7, second), step: begun } as Request);
    begun = step + 1;
    tell(pull(5, second, begun));
  }
  expect(lines).toEqual([
    'notice: worker 1 is slow: 3 s a step, the median worker takes 1 s; steps are made without it',
  ]);
});

function pushBoth(): void {
  tell(push(4, first));
  tell(push(5, second));
}

function update(): void {
  pushBoth();
  tell({ type: 'measured', sumOfSquares: 9 });
  tell(pull(6, first, 1, 9));
  tell({ type: 'updated', generation: 1 });
}

function push(
  request: number,
  caller: Caller,
  lanes = { from: 2 * caller.worker, to: 2 * caller.worker + 2 },
): Request {
  const gradient = { values: Float32Array.of(caller.worker, 0), ranges: [0, 2] };
  const contribution = { gradient, lanes: new Float32Array(4), sumOfSquares: caller.worker };
  return {
    type: 'push',
    request,
    caller,
    step: 0,
    lanes,
    counted: [],
    learningRate: 0.1,
    sumOfSquares: undefined,
    contribution,
  };
}

function pull(request: number, caller: Caller, step: number, sumOfSquares?: number): Request {
  return { type: 'pull', request, caller, step, sumOfSquares, meets: false };
}

/** Returns the heart's effects of a message, one short line per effect. */
function tell(message: ShardMessage): string[] {
  const effects = shard.receive(message, now);
  ends.push(...effects.filter(({ type }) => type === 'finish'));
  return effects.map(describeEffect);
}

function describeEffect(effect: ShardEffect): string {
  switch (effect.type) {
    case 'answer':
      return `${effect.answer.type} ${effect.request}`;
    case 'refuse':
      return `refuse ${effect.request} ${effect.code}: ${effect.message}`;
    case 'add':
      return `add ${effect.contribution.gradient.values[0]}${effect.isFirst ? ' first' : ''}`;
    case 'update':
    case 'read-snapshot':
    case 'snapshot':
      return `${effect.type} ${effect.step}`;
    case 'notice':
      return `notice: ${effect.line}`;
    default:
      return effect.type;
  }
}
