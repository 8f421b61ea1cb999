/** For tests: checks that a worker's heartbeats arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStatusReader } from '../client/run-status.js';

/** Resolves when an otherwise idle worker has been heard: its silence, which normally grows, has become shorter. */
export async function heardAgain(reader: RunStatusReader, worker: number): Promise<void> {
  for (let longest = 0; ; await sleep(50)) {
    const { workers } = await reader.read();
    const silent = workers[worker]?.silentSeconds ?? 0;
    if (silent < longest) return;
    longest = silent;
  }
}
