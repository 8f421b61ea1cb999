// Waits until a run of tests ends, in whatever way, and then kills its remaining processes. The run holds the other end
// of this process's stdin.
//   node scripts/testing/end-with-run.mjs <run>
import { setTimeout as sleep } from 'node:timers/promises';
import { kill, processesOf } from './processes.mjs';

const [run] = process.argv.slice(2);
for await (const _ of process.stdin);

// A process that starts while the others are killed is found in the next round.
for (let quiet = 0; quiet < 2; ) {
  const left = processesOf(run);
  for (const pid of left) kill(pid);
  quiet = left.length === 0 ? quiet + 1 : 0;
  await sleep(100);
}
