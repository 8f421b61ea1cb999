import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LockFile, type LockOptions } from './lock-file.js';
import { thisProcess } from './machine-process.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Short times, but far longer than a look at a file takes. */
const timing = { touch: 0.2, stale: 2, look: 0.02 };

function lockOf(options: Partial<LockOptions> = {}): LockFile {
  const refusal = (holder: string) => new Error(`${holder} writes there`);
  return new LockFile({ path, role: 'server 0', refusal, patienceSeconds: 0, timing, ...options });
}

/** Writes the lock of another process. */
function holdElsewhere(holder: object): void {
  const other = { id: 'other', role: 'server 0', host: 'node7', machine: 'another boot', pid: 7, started: '1' };
  writeFileSync(path, JSON.stringify({ ...other, ...holder }));
}

/** Touches the lock as its process would, until the returned function is called. */
function touchElsewhere(): () => void {
  const timer = setInterval(() => utimesSync(path, new Date(), new Date()), 50);
  return () => clearInterval(timer);
}

test('the lock of a process that runs is refused, with its number, machine and role; when it is given back, it is free', async () => {
  const first = lockOf({ role: 'worker 0' });
  await first.take();
  await expect(lockOf().take()).rejects.toThrow(`process ${process.pid} on ${hostname()} (worker 0) writes there`);
  await first[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
  await using second = lockOf();
  await second.take();
});

test('of many that take a lock at once, one has it', async () => {
  const locks = Array.from({ length: 8 }, () => lockOf());
  const taken = await Promise.allSettled(locks.map((lock) => lock.take()));
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const lock of locks) await lock[Symbol.asyncDispose]();
});

test('the lock of a killed process of this machine is free at once, and of many that take it, one has it', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log()']);
  await once(child.stdout, 'data');
  const started = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19]!;
  holdElsewhere({ ...thisProcess(), pid: child.pid, started });
  await expect(lockOf().take()).rejects.toThrow(`process ${child.pid} on ${hostname()} (server 0) writes there`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const locks = Array.from({ length: 8 }, () => lockOf({ timing: { ...timing, stale: 1e6 } }));
  const taken = await Promise.allSettled(locks.map((lock) => lock.take()));
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const lock of locks) await lock[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual([]);
});

test('another process that got the number of a killed one does not count as it', async () => {
  holdElsewhere({ ...thisProcess(), started: '1' });
  await using lock = lockOf();
  await lock.take();
});

test('a lock of another machine is free when it is not touched for a while, whatever the clocks say', async () => {
  holdElsewhere({});
  utimesSync(path, new Date('2040-01-01'), new Date('2040-01-01'));
  const waits: string[] = [];
  await using lock = lockOf({
    onWait: (holder) => {
      waits.push(holder);
      return () => waits.push('over');
    },
  });
  await lock.take();
  expect(waits).toEqual(['process 7 on node7 (server 0)', 'over']);
});

test('a lock that another machine touches is refused', async () => {
  holdElsewhere({});
  const stop = touchElsewhere();
  await expect(lockOf({ timing: { ...timing, stale: 1e6 } }).take()).rejects.toThrow('process 7 on node7');
  stop();
});

test('the processes of one run hold a lock together, and one that comes again at its place takes it at once', async () => {
  const never = { ...timing, stale: 1e6 };
  await using first = lockOf({ run: 'a' });
  await first.take();
  await using second = lockOf({ run: 'a' });
  await second.take();
  await first.requireHeld();
  await second.requireHeld();
  await expect(lockOf({ run: 'b' }).take()).rejects.toThrow('writes there');
  holdElsewhere({ place: 'ps0:7000' });
  await using restarted = lockOf({ place: 'ps0:7000', timing: never });
  await restarted.take();
});

test('a process that stood still hears that another one has taken its lock, and leaves it alone', async () => {
  const lock = lockOf();
  await lock.take();
  holdElsewhere({});
  await expect(lock.requireHeld()).rejects.toThrow('process 7 on node7 (server 0) writes there');
  await lock[Symbol.asyncDispose]();
  expect(readdirSync(folder)).toEqual(['lock']);
});

test('a lock that somebody removes is made again while it is held', async () => {
  await using lock = lockOf();
  await lock.take();
  rmSync(path);
  while (!readdirSync(folder).includes('lock')) await sleep(20);
  await expect(lockOf().take()).rejects.toThrow('writes there');
});
