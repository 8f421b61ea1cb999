// The order of processes that claim one worker. The first shard decides it as they join, whichever side was restarted.
import { expect, test } from 'vitest';
import { Membership } from './membership.js';
import type { Claim } from './messages.js';

const [older, newer] = [900, 17];
const caller = (incarnation: number, worker = 1) => ({ worker, incarnation, generation: 0, lease: 0 });
const claim = (ordinal: number, above = 0): Claim => ({ ordinal, above, isChief: false });
const firstShard = () => new Membership(3, true);
const laterShard = () => new Membership(3, false);
const isReplaced = 'worker 1 has been replaced by a process that joined later';

test('the first shard numbers processes as they come, and believes the last one of a worker', () => {
  const members = firstShard();
  expect(members.enter(caller(older), undefined, 0)).toEqual({ type: 'entered', ordinal: 1, replaced: undefined });
  expect(members.enter(caller(5, 0), undefined, 0)).toMatchObject({ ordinal: 2 });
  expect(members.enter(caller(newer), claim(0), 0)).toMatchObject({
    ordinal: 3,
    replaced: { message: expect.stringContaining(isReplaced) },
  });
  expect(() => members.enter(caller(older), claim(1), 0)).toThrow(isReplaced);
  expect(() => members.enter(caller(older), claim(0), 0)).toThrow(isReplaced);
  expect(() => members.hear(caller(older), 0)).toThrow(isReplaced);
});

test('a process that joins again keeps its number', () => {
  const members = firstShard();
  const first = members.enter(caller(newer), claim(0), 0);
  expect(members.enter(caller(newer), claim(0), 0)).toEqual(first);
  expect(members.enter(caller(newer), claim(1), 0)).toEqual(first);
});

test('a first shard that was restarted takes a process that has a number for older than one that has none', () => {
  const members = firstShard();
  expect(members.enter(caller(newer), claim(0), 0)).toMatchObject({ ordinal: 1 });
  expect(() => members.enter(caller(older), claim(7), 0)).toThrow(isReplaced);
  const inTheOtherOrder = firstShard();
  expect(inTheOtherOrder.enter(caller(older), claim(7), 0)).toMatchObject({ ordinal: 7 });
  expect(inTheOtherOrder.enter(caller(newer), claim(0), 0)).toMatchObject({ type: 'entered', ordinal: 8 });
});

test('of two processes that have numbers a restarted first shard believes the greater one', () => {
  const members = firstShard();
  members.enter(caller(older), claim(7), 0);
  expect(members.enter(caller(newer), claim(8), 0)).toMatchObject({ type: 'entered', ordinal: 8 });
  expect(() => members.enter(caller(33), claim(6), 0)).toThrow(isReplaced);
});

test('later shards go by the numbers, and tell one that is too low of the greater', () => {
  const members = laterShard();
  expect(members.enter(caller(older), claim(7), 0)).toMatchObject({ type: 'entered' });
  expect(members.enter(caller(newer), claim(7), 0)).toEqual({ type: 'superseded', ordinal: 7 });
  expect(members.enter(caller(newer), claim(9), 0)).toMatchObject({ type: 'entered', replaced: expect.anything() });
  expect(() => members.enter(caller(older), claim(7), 0)).toThrow(isReplaced);
});

test('a process that a restarted first shard has numbered gets a number above that of another shard', () => {
  const members = firstShard();
  members.enter(caller(newer), claim(0), 0);
  expect(members.enter(caller(newer), claim(0, 7), 0)).toMatchObject({ type: 'entered', ordinal: 8 });
});

test('a process that was replaced is not let in above that, although the restarted first shard knows nobody else', () => {
  const members = firstShard();
  members.enter(caller(older), claim(7), 0);
  expect(() => members.enter(caller(older), claim(7, 8), 0)).toThrow(isReplaced);
});

test('a process that claims the last of all numbers keeps no other out', () => {
  const [first, later] = [firstShard(), laterShard()];
  const last = Number.MAX_SAFE_INTEGER;
  first.enter(caller(older), claim(0), 0);
  later.enter(caller(older), claim(1), 0);
  for (const lie of [5, 6, 7]) later.enter(caller(lie), claim(last), 0);
  first.enter(caller(8), claim(0, last), 0);
  first.enter(caller(8), claim(0, last), 0);
  let above = 0;
  for (let attempt = 1; ; attempt++) {
    expect(attempt).toBeLessThan(9);
    const { ordinal } = first.enter(caller(newer), claim(0, above), 0);
    const entrance = later.enter(caller(newer), claim(ordinal), 0);
    if (entrance.type === 'entered') break;
    above = entrance.ordinal;
  }
  expect(first.ordinalOf(1)).toBeLessThan(2 ** 24);
});

test('a server that does not know a process has it join', () => {
  expect(() => laterShard().hear(caller(newer), 0)).toThrow('worker 1 has not joined this server');
});
