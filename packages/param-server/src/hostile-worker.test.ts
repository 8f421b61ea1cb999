// Messages of a joined worker with a flipped bit, where the worker is trusted: reads of a row table, and late messages
// of a completed step. By gRPC and on bulk connections; the run goes on and ends with the same bits as an undisturbed
// one.
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { frameKinds } from './bulk/frames.js';
import type { LossyCodec } from './codecs/codec.js';
import { GradientEncoder } from './codecs/gradient-encoder.js';
import { unroll } from './generated/parameter-server.js';
import { chunksOfGradient } from './tables/row-chunks.js';
import { converse, frame, hello } from './testing/bulk-peer.js';
import {
  bitFlips,
  expectHarmless,
  gradientOf,
  gradientsOf,
  kernel,
  modelByRows,
  type Position,
  whole,
} from './testing/disturbed-run.js';
import { partition } from './vectors/partition.js';
import type { Chunk } from './vectors/shard-vector.js';

const { CommitRequest, HeartbeatRequest, PullRequest, PushRequest, UploadRequest } = unroll.v1;
const [layout] = partition(modelByRows.parameters, 1);
const madeStep = 0;

const pulls: readonly [string, Partial<unroll.v1.PullRequest>][] = [
  ['what is not of tables', {}],
  ['rows of the table', { rows: { starts: [12, 16, 22] } }],
  ['all rows of an optimizer slot', { vector: 'momentum', whole: true }],
  ['what has changed', { since: 0 }],
];

const uploads: readonly (readonly [string, Partial<unroll.v1.UploadTarget>, Chunk])[] = [
  ['a gradient', {}, whole(gradientOf(1, madeStep))],
  ['rows', { vector: 'rows' }, [...chunksOfGradient(layout!, gradientsOf(1, madeStep, modelByRows))][0]!],
  ...([{ name: 'bfloat16' }, { name: 'int8' }, { name: 'power-sgd', rank: 1 }] as const).map(
    (codec) => [`a gradient in ${codec.name}`, { encoded: true }, encodedBy(codec)] as const,
  ),
];

function encodedBy(codec: LossyCodec): Chunk {
  const gradients = { [kernel]: gradientOf(1, madeStep) };
  const encoder = new GradientEncoder(codec, [layout!]);
  const encoded = encoder.encode({ step: madeStep, gradients, share: 0.5, forgetsAfter: false });
  if (encoded.type !== 'payloads') throw new Error(`${codec.name} makes no payloads`);
  return { offsets: [], data: encoded.payloads[0]! };
}

const pullBytes = ({ caller }: Position, fields: Partial<unroll.v1.PullRequest>) =>
  PullRequest.encode({ caller, step: 1, vector: 'parameters', ...fields }).finish();
const targetOf = ({ caller }: Position, fields: Partial<unroll.v1.UploadTarget>) => ({
  ...{ caller, step: madeStep, vector: 'gradient' },
  ...fields,
});

describe('nothing is changed by a flipped bit in what a worker sends by gRPC:', () => {
  async function sendFlipped({ send }: Position, method: string, message: Uint8Array): Promise<void> {
    const path = `/unroll.v1.ParameterServer/${method}`;
    expect(await send(path, message)).toBe(status.OK);
    await Promise.all(bitFlips(message).map((bytes) => send(path, bytes)));
  }

  test.each(pulls)('a pull of %s', async (_, fields) => {
    await expectHarmless({
      byRows: true,
      between: (position) => sendFlipped(position, 'Pull', pullBytes(position, fields)),
    });
  });

  test.each(uploads)('an upload of %s that comes too late', async (_, fields, chunk) => {
    await expectHarmless({
      byRows: true,
      between: (position) => {
        const message = UploadRequest.encode({ target: targetOf(position, fields), ...chunk }).finish();
        return sendFlipped(position, 'Upload', message);
      },
    });
  });

  test.each<[string, string, (position: Position) => Uint8Array]>([
    [
      'push of a step that was made',
      'Push',
      ({ caller }) =>
        PushRequest.encode({ caller, step: madeStep, learningRate: 0.5, lanesFrom: 1, lanesTo: 2 }).finish(),
    ],
    [
      'commit of a step that was made',
      'Commit',
      ({ caller }) => CommitRequest.encode({ caller, step: madeStep, sumOfSquares: 1 }).finish(),
    ],
    ['heartbeat', 'Heartbeat', ({ caller }) => HeartbeatRequest.encode({ caller, report: { steps: 7 } }).finish()],
  ])('a %s', async (_, method, message) => {
    await expectHarmless({
      byRows: true,
      between: (position) => sendFlipped(position, method, message(position)),
    });
  });
});

describe('nothing is changed by a flipped bit in what a worker sends on a bulk connection:', () => {
  /** Few enough that the server does not close connections for being too many. */
  const connectionsAtOnce = 32;

  async function sendFlipped({ port }: Position, frames: readonly Uint8Array[]): Promise<void> {
    const call = Buffer.concat(frames);
    expect(await converse(port, Buffer.concat([hello(), call]), true)).toMatchObject({ codes: [status.OK, status.OK] });
    const flipped = bitFlips(call);
    for (let from = 0; from < flipped.length; from += connectionsAtOnce) {
      const some = flipped.slice(from, from + connectionsAtOnce);
      const answers = await Promise.all(some.map((bytes) => converse(port, Buffer.concat([hello(), bytes]), true)));
      for (const { codes } of answers) expect(codes).not.toEqual([]);
    }
  }

  test.each(pulls)('a pull of %s', async (_, fields) => {
    await expectHarmless({
      byRows: true,
      between: (position) => sendFlipped(position, [frame(frameKinds.pull, pullBytes(position, fields))]),
    });
  });

  test.each(uploads)('an upload of %s that comes too late', async (_, fields, { offsets, data }) => {
    await expectHarmless({
      byRows: true,
      between: (position) => {
        const begun = UploadRequest.encode({ target: targetOf(position, fields), offsets: [] }).finish();
        return sendFlipped(position, [
          frame(frameKinds.upload, begun),
          frame(frameKinds.chunk, UploadRequest.encode({ offsets: [...offsets] }).finish(), data),
          frame(frameKinds.end, new Uint8Array(0)),
        ]);
      },
    });
  });
});
