/** Reads the scalars of a folder's event files, as TensorBoard would show them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensorboard } from '../generated/tensorboard.js';
import { maskedCrc32c } from '../tensorboard/crc32c.js';

const { Event, SessionLog } = tensorboard;

/** File names that TensorBoard recognises. It reads the files of a folder in the order of the time in their names. */
const eventFilePattern = /^events\.out\.tfevents\.\d+\./;

const [headerBytes, footerBytes] = [12, 4];

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
      const values = (summary?.value ?? []).flatMap(({ tag, simpleValue }) =>
        typeof simpleValue === 'number' ? [[tag ?? '', simpleValue] as const] : [],
      );
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

/** Yields the contents of a file's records, up to the first that is cut off or damaged: the process may have been killed. */
function* readRecords(file: Buffer): Generator<Buffer> {
  for (let offset = 0; offset + headerBytes <= file.length; ) {
    const end = offset + headerBytes + Number(file.readBigUInt64LE(offset));
    if (maskedCrc32c(file.subarray(offset, offset + 8)) !== file.readUInt32LE(offset + 8)) return;
    if (end + footerBytes > file.length) return;
    const bytes = file.subarray(offset + headerBytes, end);
    if (maskedCrc32c(bytes) !== file.readUInt32LE(end)) return;
    yield bytes;
    offset = end + footerBytes;
  }
}
