import { beforeEach, expect, test } from 'vitest';
import { Waits } from './waits.js';

let now: number;
let lines: string[];
let waits: Waits;

beforeEach(() => {
  [now, lines] = [0, []];
  waits = new Waits(
    (line) => lines.push(line),
    () => now,
  );
});

/** Advances time as a process's timer would see it. */
function pass(seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    now++;
    waits.look();
  }
}

test('a wait is worth a line after five seconds, and then every minute', () => {
  const end = waits.begin('the server');
  pass(4);
  expect(lines).toEqual([]);
  pass(122);
  const first = ['waiting for the server, for 5 s now', 'waiting for the server, for 65 s now'];
  expect(lines).toEqual([...first, 'waiting for the server, for 125 s now']);
  end();
  pass(100);
  expect(lines).toHaveLength(3);
});

test('short waits one after another are worth none, and long ones a line a minute in all', () => {
  for (let step = 0; step < 20; step++) {
    const end = waits.begin('worker 1', `at step ${step}`);
    pass(4);
    end();
  }
  expect(lines).toEqual([]);
  for (let step = 0; step < 10; step++) {
    const end = waits.begin('worker 1', `at step ${step}`);
    pass(10);
    end();
  }
  expect(lines).toEqual(['waiting for worker 1 at step 0, for 5 s now', 'waiting for worker 1 at step 6, for 5 s now']);
});

test('what is waited for at once is told in one line, and again when that changes', () => {
  waits.begin('server a');
  const end = waits.begin('server b');
  waits.begin('server b');
  pass(6);
  end();
  waits.begin('server c');
  pass(6);
  expect(lines).toEqual([
    'waiting for server a and server b, for 5 s now',
    'waiting for server a and server b and server c, for 11 s now',
  ]);
});

test('a wait that is looked at lasts as long as it is seen', () => {
  for (let second = 0; second < 4; second++) {
    waits.observe({ what: 'worker 1', where: 'at step 3' });
    pass(1);
  }
  waits.observe(undefined);
  waits.observe({ what: 'worker 1', where: 'at step 3' });
  pass(4);
  expect(lines).toEqual([]);
  pass(1);
  expect(lines).toEqual(['waiting for worker 1 at step 3, for 5 s now']);
});
