/** Reads the scalars of a folder's event files, as TensorBoard would show them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensorboard } from '../generated/tensorboard.js';
import { eventFilePattern } from './event-file.js';
import { readRecords } from './records.js';

const { Event, SessionLog } = tensorboard;

export interface ScalarEvent {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Values by tag. */
  readonly values: Readonly<Record<string, number>>;
}

/**
 * Returns the events in the order of their steps, without those that a resumed run invalidated. A folder that does not
 * exist has none.
 */
export function readEvents(folder: string): ScalarEvent[] {
  const events: ScalarEvent[] = [];
  for (const name of eventFiles(folder)) {
    for (const record of readRecords(readFileSync(join(folder, name)))) {
      const { wallTime: time, step, summary, sessionLog } = Event.decode(record);
      if (sessionLog?.status === SessionLog.SessionStatus.START) forgetFrom(events, step);
      const values = (summary?.value ?? []).map(({ tag, simpleValue }) => [tag ?? '', simpleValue ?? 0] as const);
      if (values.length > 0) events.push({ step, time, values: Object.fromEntries(values) });
    }
  }
  return events;
}

function eventFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => eventFilePattern.test(name))
      .toSorted();
  } catch {
    return [];
  }
}

function forgetFrom(events: ScalarEvent[], step: number): void {
  while (events.length > 0 && events.at(-1)!.step >= step) events.pop();
}
