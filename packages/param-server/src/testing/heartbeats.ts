/** For tests: whether the heartbeats of a worker arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStatusReader } from '../client/run-status.js';

/** Resolves when a worker that does nothing else has been heard: its silence, which grows, has become shorter. */
export async function heardAgain(reader: RunStatusReader, worker: number): Promise<void> {
  for (let longest = 0; ; await sleep(50)) {
    const { workers } = await reader.read();
    const silent = workers[worker]?.silentSeconds ?? 0;
    if (silent < longest) return;
    longest = silent;
  }
}
