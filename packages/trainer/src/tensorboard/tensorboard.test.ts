// Event files, read back by a reader that shares nothing with the writer and, if it is installed, by TensorBoard's own.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEvents } from '../testing/read-events.js';
import { temporaryFolder } from '../testing/unroll-process.js';
import { crc32c } from './crc32c.js';
import { EventFile, removeEventFiles } from './event-file.js';

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

/** What TensorBoard's own readers find in a folder of runs, by run: scalars, texts, hyperparameters and states. */
const tensorBoardReader = `
import json, sys
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
folder = sys.argv[1]
runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(folder).Reload()
provider = data_provider.MultiplexerDataProvider(runs, folder)
hparams = backend_context.Context(base_plugin.TBContext(data_provider=provider))
experiment = get_experiment.Handler(RequestContext(), hparams, '', api_pb2.GetExperimentRequest()).run()
statuses = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING]
asked = api_pb2.ListSessionGroupsRequest(allowed_statuses=statuses, slice_size=9)
asked.col_params.extend(api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos)
groups = list_session_groups.Handler(RequestContext(), hparams, '', asked).run().session_groups
valueOf = lambda value: value.number_value if value.HasField('number_value') else value.string_value
scalar = lambda run, tag: [[e.step, tag, e.tensor_proto.float_val[0]] for e in runs.Tensors(run, tag)]
text = lambda run, tag: [[e.step, tag, e.tensor_proto.string_val[0].decode()] for e in runs.Tensors(run, tag)]
tags = lambda run, plugin: provider._multiplexer.PluginRunToTagToContent(plugin).get(run, {}).keys()
print(json.dumps({run: {
    'scalars': sorted(row for tag in tags(run, 'scalars') for row in scalar(run, tag)),
    'texts': sorted(row for tag in tags(run, 'text') for row in text(run, tag)),
    'hparams': next(({k: valueOf(v) for k, v in g.hparams.items()} for g in groups if g.name == run), {}),
    'status': next((api_pb2.Status.Name(g.sessions[0].status) for g in groups if g.name == run), ''),
} for run in runs.Runs()}))`;

test.skipIf(!hasTensorBoard)(
  'TensorBoard reads the same, and hyperparameters, texts and where a run was resumed',
  () => {
    using folder = temporaryFolder();
    const runFolder = (name: string) => {
      mkdirSync(join(folder.path, name));
      return join(folder.path, name);
    };
    writeTwice(runFolder('scalars'));
    writeSessions(runFolder('resumed'), { isFinished: false });
    const finished = runFolder('finished');
    writeSessions(finished, { isFinished: true });
    // A new run in the same folder has its own hyperparameters.
    removeEventFiles(finished);
    writeSessions(finished, { isFinished: true, rate: 0.5 });
    const args = ['-c', tensorBoardReader, folder.path];
    const output = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const texts = [
      [1, 'sample', 'one\n\ntwo'],
      [2, 'notices', 'resumed from step 2'],
      [3, 'sample', 'again'],
    ];
    expect(JSON.parse(output)).toEqual({
      scalars: { scalars: expected, texts: [], hparams: {}, status: '' },
      resumed: { scalars: [], texts, hparams: { rate: 0.1, cell: 'lstm' }, status: 'STATUS_UNKNOWN' },
      finished: { scalars: [], texts, hparams: { rate: 0.5, cell: 'lstm' }, status: 'STATUS_SUCCESS' },
    });
  },
);

/** Writes a run's texts and hyperparameters: steps 1 to 3, then a second process that resumes from step 2. */
function writeSessions(folder: string, { isFinished, rate = 0.1 }: { isFinished: boolean; rate?: number }): void {
  const now = 1_700_000_000_000;
  using first = new EventFile(folder, now);
  first.beginSession({ rate, cell: 'lstm', absent: undefined }, now);
  first.restart(1, now);
  first.text(1, 'sample', 'one\n\ntwo', now);
  first.text(3, 'sample', 'void', now);
  using second = new EventFile(folder, now + 1000);
  second.beginSession({ rate, cell: 'lstm' }, now + 1000);
  second.restart(3, now + 1000);
  second.text(2, 'notices', 'resumed from step 2', now + 1000);
  second.text(3, 'sample', 'again', now + 1000);
  if (isFinished) second.finishSession(now + 2000);
}

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
