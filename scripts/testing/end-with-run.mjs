// Waits for a run of tests to end, however it ends, and then kills what is left of its processes. The run holds the other end of
// this process's stdin.
//   node scripts/testing/end-with-run.mjs <run>
import { setTimeout as sleep } from 'node:timers/promises';
import { kill, processesOf } from './processes.mjs';

const [run] = process.argv.slice(2);
for await (const _ of process.stdin);

// One that is being started while the others are killed is found the next time.
for (let quiet = 0; quiet < 2; ) {
  const left = processesOf(run);
  for (const pid of left) kill(pid);
  quiet = left.length === 0 ? quiet + 1 : 0;
  await sleep(100);
}
