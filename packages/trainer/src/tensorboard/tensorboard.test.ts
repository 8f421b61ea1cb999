// Event files, read back by a reader that shares nothing with the writer and, if it is installed, by TensorBoard's own.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/unroll-process.js';
import { crc32c } from './crc32c.js';
import { EventFile } from './event-file.js';
import { readEvents } from './read-events.js';

const python = process.env.PYTHON ?? 'python3';
const hasTensorBoard = spawnSync(python, ['-c', 'import tensorboard']).status === 0;
if (!hasTensorBoard) console.warn(`TensorBoard's own reader skipped: ${python} has no package tensorboard`);

/** Writes steps 1 to 4, then a second process that resumes from step 2. */
function writeTwice(folder: string): void {
  using first = new EventFile(folder, 1000);
  for (const step of [1, 2, 3, 4]) first.add(step, { loss: 10 - step, absent: undefined }, 1000 + step);
  using second = new EventFile(folder, 2000);
  for (const step of [3, 4, 5]) second.add(step, { loss: 0.5 * step }, 2000 + step);
  second.more(5, { valid: 7 }, 2006);
}

const expected = [
  [1, 'loss', 9],
  [2, 'loss', 8],
  [3, 'loss', 1.5],
  [4, 'loss', 2],
  [5, 'loss', 2.5],
  [5, 'valid', 7],
];

test('the checksum is CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('what is written is read by a reader of the format, without the steps that were gone back behind', () => {
  using folder = temporaryFolder();
  writeTwice(folder.path);
  expect(readAsSpecified(folder.path)).toEqual(expected);
});

test('our reader reads the same', () => {
  using folder = temporaryFolder();
  writeTwice(folder.path);
  const read = readEvents(folder.path).flatMap(({ step, values }) =>
    Object.entries(values).map(([tag, value]) => [step, tag, value]),
  );
  expect(read).toEqual(expected);
});

test('a file that was cut off is read up to there', () => {
  using folder = temporaryFolder();
  writeTwice(folder.path);
  const last = readdirSync(folder.path).toSorted().at(-1)!;
  appendFileSync(join(folder.path, last), Buffer.from([60, 0, 0, 0, 0, 0, 0, 0, 1]));
  expect(readEvents(folder.path).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 5]);
});

test('a folder that is not there has no events', () => {
  using folder = temporaryFolder();
  expect(readEvents(join(folder.path, 'none'))).toEqual([]);
});

test.skipIf(!hasTensorBoard)('TensorBoard reads the same', () => {
  using folder = temporaryFolder();
  writeTwice(folder.path);
  const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
read = [(e.step, tag, e.value) for tag in events.Tags()['scalars'] for e in events.Scalars(tag)]
print(json.dumps(sorted(read)))`;
  const output = execFileSync(python, ['-c', program, folder.path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(JSON.parse(output)).toEqual(expected);
});

/** Reads the scalars of a folder's files as `[step, tag, value]`, with nothing but the specifications of the two formats. */
function readAsSpecified(folder: string): (number | string)[][] {
  let scalars: (number | string)[][] = [];
  for (const name of readdirSync(folder).toSorted()) {
    expect(name).toContain('tfevents');
    const file = readFileSync(join(folder, name));
    const [first, ...rest] = recordsOf(file);
    expect(fieldsOf(first!).get(3)?.toString()).toBe('brain.Event:2');
    for (const record of rest) {
      const event = fieldsOf(record);
      const step = Number(event.get(2) ?? 0);
      const session = event.get(7);
      if (session instanceof Buffer && Number(fieldsOf(session).get(1)) === 1) {
        scalars = scalars.filter(([at]) => Number(at) < step);
      }
      const summary = event.get(5);
      if (!(summary instanceof Buffer)) continue;
      const value = fieldsOf(fieldsOf(summary).get(1) as Buffer);
      scalars.push([step, String(value.get(1)), (value.get(2) as Buffer).readFloatLE()]);
    }
  }
  return scalars;
}

/** Reads TFRecord framing: length, its checksum, data, its checksum. */
function recordsOf(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 8)).toBe(mask(bitwiseCrc(file.subarray(at, at + 8))));
    expect(file.readUInt32LE(at + 12 + length)).toBe(mask(bitwiseCrc(data)));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

function bitwiseCrc(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const mask = (crc: number) => Number((BigInt((crc >>> 15) | (crc << 17)) + 0xa282ead8n) & 0xffffffffn);

/** Reads the fields of a protobuf message, the last of each number: varints as numbers, the others as bytes. */
function fieldsOf(message: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const [number, type] = [key >>> 3, key & 7];
    if (type === 0) fields.set(number, varint());
    else fields.set(number, bytes(type === 2 ? varint() : type === 1 ? 8 : 4));
  }
  return fields;
}
