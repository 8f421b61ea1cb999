// Messages that strangers and broken workers may send by gRPC, over real sockets. Whatever they send, the run goes on
// and ends with the same bits as an undisturbed run. `bulk/hostile.test.ts` covers bulk connections.
import { once } from 'node:events';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { ShardConnection } from './client/shard-connection.js';
import { unroll } from './generated/parameter-server.js';
import {
  bytesOf,
  elements,
  expectHarmless,
  expectNothingArrived,
  gradientOf,
  kernel,
  model,
  whole,
} from './testing/disturbed-run.js';
import { type Chunk, float32Bytes } from './vectors/shard-vector.js';
import { parameterServerService } from './wire/service-definition.js';
import { writeModel } from './wire/wire-messages.js';

// Status is left out: it takes no input, so any message is simply answered.
const { status: _, ...changing } = parameterServerService;
const paths = Object.values(changing).map(({ path }) => path);
describe('nothing is changed by', () => {
  test.each(paths)('random bytes sent to %s', async (path) => {
    await expectHarmless({
      between: async ({ send }) => {
        for (let k = 0; k < 60; k++) {
          expect(await send(path, bytesOf(`${path} ${k}`, 4 * k))).not.toBe(status.OK);
        }
      },
    });
  });

  test.each(Object.entries(messagesOf({ worker: 7, incarnation: 99, generation: 1, lease: 0 })))(
    "a stranger's %s, whole, cut off anywhere and with any bit flipped",
    async (method, message) => {
      const prefixes = Array.from({ length: message.length + 1 }, (_, length) => message.subarray(0, length));
      const flipped = Array.from({ length: message.length }, (_, at) => {
        const copy = Uint8Array.from(message);
        copy[at]! ^= 1 << (at % 8);
        return copy;
      });
      await expectHarmless({
        between: async ({ send }) => {
          const ends = [...prefixes, ...flipped].map((bytes) => send(`/unroll.v1.ParameterServer/${method}`, bytes));
          for (const code of await Promise.all(ends)) expect(code).not.toBe(status.OK);
        },
      });
    },
  );

  test('a message beyond 4 MiB', async () => {
    await expectHarmless({
      between: async ({ send }) => {
        for (const path of paths) {
          expect(await send(path, new Uint8Array(5 * 1024 * 1024))).toBe(status.RESOURCE_EXHAUSTED);
        }
      },
    });
  });

  test('connections that speak something else, or nothing', async () => {
    await expectHarmless({
      between: async ({ port }) => {
        const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
        const lines = [bytesOf('noise', 5000), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(0)];
        const frames = Array.from({ length: 30 }, (_, k) => Buffer.concat([preface, bytesOf(`frame ${k}`, 30 * k)]));
        for (const bytes of [...lines, ...frames]) {
          const socket = connect(port, '127.0.0.1').on('error', () => undefined);
          socket.end(bytes).resume();
          await once(socket, 'close');
        }
      },
    });
  });
});

describe('a worker that has joined is refused', () => {
  const chunk = (offsets: number[], bytes: number): Chunk => ({ offsets, data: new Uint8Array(bytes) });
  const beyond = "worker 1's vector 'gradient' of step 1 has 12 elements, but the upload goes beyond";
  test.each<[string, Chunk[]]>([
    ['that is longer than the vector', [chunk([0], 52)]],
    ['that starts beyond the vector', [chunk([13], 4)]],
    ['at the greatest offset', [chunk([2 ** 32 - 1], 4)]],
    ['of half an element', [chunk([0], 6)]],
    ['of pieces of unequal length', [chunk([0, 4, 8], 16)]],
    ['with bytes for nowhere', [chunk([], 4)]],
    ['of pieces of nothing', [chunk([0, 4, 8], 0)]],
    ['that repeats itself', [chunk([0], 48), chunk([0], 4)]],
  ])('that uploads a chunk %s', async (_, chunks) => {
    await expectHarmless({
      between: async ({ connection, caller }) => {
        await expect(connection.upload({ caller, step: 1, vector: 'gradient' }, chunks)).rejects.toThrow(beyond);
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test.each([Number.NaN, Infinity, -Infinity])('whose gradient holds %d, and the parameter is named', async (value) => {
    const gradient = gradientOf(1, 1).fill(value, 4, 5);
    const refusal =
      `worker 1's vector 'gradient' of step 1 has ${value} in '${kernel}': ` +
      'training diverged; lower the learning rate or the clipping norm, then resume from the last checkpoint';
    await expectHarmless({
      between: async ({ connection, caller }) => {
        await expect(connection.upload({ caller, step: 1, vector: 'gradient' }, [whole(gradient)])).rejects.toThrow(
          refusal,
        );
        await expectNothingArrived(connection, caller);
      },
    });
  });

  const encoded = (...bytes: number[]): Chunk => ({ offsets: [], data: Uint8Array.from(bytes) });
  const units = (unit: number): number[] => [...float32Bytes(Float32Array.of(unit))];
  const twelve = Array.from({ length: elements }, (_, k) => k);
  test.each<[string, Chunk[], string]>([
    ['of nothing', [], 'ends too early'],
    ['with offsets', [{ offsets: [0], data: new Uint8Array(4) }], 'is encoded, but has offsets'],
    ['of an unknown kind', [encoded(77)], 'unknown kind 77'],
    ['that is cut off', [encoded(3, 1, 0, 0), encoded(0, 63, 1, 2)], 'ends too early'],
    ['that goes on', [encoded(3, 1, ...units(0.5), ...twelve), encoded(0)], 'goes on for 1 bytes too many'],
    ['that is longer than any', [chunk([], 200)], 'longer than its values in float32'],
    ['with a unit that is NaN', [encoded(3, 1, ...units(Number.NaN), ...twelve)], `has NaN in '${kernel}'`],
    [
      'with a unit that is Infinity',
      [encoded(3, 1, ...units(Infinity), ...twelve)],
      `in '${kernel}': training diverged`,
    ],
    ['of an impossible rank', [encoded(4, 255, 255)], 'has rank 65535 for a matrix of [4, 3]'],
  ])('that uploads an encoded gradient %s', async (_, chunks, refusal) => {
    await expectHarmless({
      between: async ({ connection, caller }) => {
        const target = { caller, step: 1, vector: 'gradient', encoded: true };
        await expect(connection.upload(target, chunks)).rejects.toThrow(refusal);
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test('that uploads random bytes as an encoded gradient, or other vectors encoded', async () => {
    await expectHarmless({
      between: async ({ connection, caller }) => {
        const target = { caller, step: 1, vector: 'gradient', encoded: true };
        for (let k = 0; k < 40; k++) {
          // The first byte is a known kind, but the rest does not fit it.
          const data = bytesOf(`encoded ${k}`, 3 + k).fill(1 + (k % 4), 0, 1);
          await expect(connection.upload(target, [{ offsets: [], data }])).rejects.toThrow();
        }
        for (const vector of ['parameters', 'momentum', 'lanes']) {
          await expect(connection.upload({ ...target, vector }, [encoded(1, 0)])).rejects.toThrow(
            'only gradients may be',
          );
        }
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test('that names vectors which are not there', async () => {
    await expectHarmless({
      between: async ({ connection, caller }) => {
        for (const vector of ['', '__proto__', 'constructor', '../../etc/passwd', '/etc/passwd']) {
          const upload = connection.upload({ caller, step: 1, vector }, [chunk([0], 4)]);
          await expect(upload).rejects.toThrow('it has parameters, momentum, gradient, lanes');
          // A pull of a vector that does not exist is refused at once, and does not wait for the step after this one.
          for (const step of [1, 2]) {
            const pull = readAll(connection.pull({ caller, step, vector }));
            await expect(pull).rejects.toThrow('the shard has no vector');
          }
        }
      },
    });
  });

  test('that pushes impossible lanes, rates and norms', async () => {
    const lanes = { lanesFrom: 1, lanesTo: 2 };
    await expectHarmless({
      between: async ({ connection, caller }) => {
        for (const learningRate of [Number.NaN, Infinity, -1]) {
          const push = connection.push({ caller, step: 1, learningRate, ...lanes, counted: [] });
          await expect(push).rejects.toThrow(`worker 1's learning rate is ${learningRate}`);
        }
        for (const [lanesFrom, lanesTo] of [
          [1, 3],
          [1, 1],
          [2, 1],
          [0, 2 ** 32 - 1],
        ] as const) {
          const push = connection.push({ caller, step: 1, learningRate: 0.5, lanesFrom, lanesTo, counted: [] });
          await expect(push).rejects.toThrow(`a push is for the lanes ${lanesFrom} to ${lanesTo} of 2`);
        }
        for (const sumOfSquares of [Number.NaN, Infinity, -1]) {
          const refusal = `the sum of squares of the gradient is ${sumOfSquares}`;
          await expect(connection.commit({ caller, step: 1, sumOfSquares })).rejects.toThrow(refusal);
          const pull = readAll(connection.pull({ caller, step: 2, vector: 'parameters', sumOfSquares }));
          await expect(pull).rejects.toThrow(refusal);
        }
      },
    });
  });

  test('that pushes an upload which broke off', async () => {
    await expectHarmless({
      between: async ({ connection, caller, breakOff }) => {
        const { Upload } = messagesOf(caller);
        expect(await breakOff('/unroll.v1.ParameterServer/Upload', Upload!)).toBe(status.CANCELLED);
        await expectNothingArrived(connection, caller);
      },
    });
  });
});

test.each<[string, Partial<unroll.v1.JoinRequest>, string]>([
  [
    'more parameters than memory',
    { parameters: [{ name: 'a', shape: [2 ** 32 - 1, 2 ** 32 - 1] }] },
    'more than can be counted',
  ],
  [
    'two parameters of one name',
    {
      parameters: [
        { name: 'a', shape: [1] },
        { name: 'a', shape: [2] },
      ],
    },
    'a name each',
  ],
  ['an empty parameter', { parameters: [{ name: 'a', shape: [3, 0] }] }, "the parameter 'a' is empty"],
  [
    'more parameters than the server takes',
    { parameters: [{ name: 'a', shape: [2 ** 28 + 1] }] },
    'worker 1 trains a model with 268435459 parameters and lane states on this server, which takes 268435456; ' +
      'start more servers, or allow each more parameters',
  ],
  ['one row that is longer', { parameters: [{ name: 'a', shape: [1, 2 ** 30] }] }, 'which takes 268435456'],
  ['lanes beyond measure', { lanes: { count: 2 ** 32 - 1, width: 2 ** 32 - 1 } }, 'which takes 268435456'],
  [
    'a rate that is NaN',
    { optimizer: { name: 'momentum', hyperparameters: { momentum: Number.NaN } } },
    'momentum NaN',
  ],
  [
    'a number that no optimizer has',
    { optimizer: { name: 'sgd', hyperparameters: { speed: 1 } } },
    "the optimizer sgd has no number 'speed'",
  ],
  [
    'an optimizer named like a member',
    { optimizer: { name: 'constructor' } },
    "the optimizer 'constructor' is unknown",
  ],
])('a worker that joins first with %s is refused, and the run begins', async (_, fields, refusal) => {
  await expectHarmless({
    before: async (port) => {
      const address = `127.0.0.1:${port}`;
      const connection = new ShardConnection({ address, shard: 0, shards: 1, callSeconds: 20, patienceSeconds: 20 });
      const caller = { worker: 1, incarnation: 1 };
      const place = { caller, version: '1', workers: 2, shard: 0, shards: 1 };
      await expect(connection.join({ ...place, ...writeModel(model), ...fields })).rejects.toThrow(refusal);
      connection.close();
    },
  });
});

async function readAll(chunks: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const read: Chunk[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return read;
}

/** The message that an honest worker would send to each method, in its second step. */
function messagesOf(caller: unroll.v1.Caller): Record<string, Uint8Array> {
  const { v1 } = unroll;
  const place = { caller, version: '1', workers: 2, shard: 0, shards: 1 };
  return {
    Join: v1.JoinRequest.encode({ ...place, ...writeModel(model) }).finish(),
    Upload: v1.UploadRequest.encode({
      ...{ target: { caller, step: 1, vector: 'gradient' }, ...whole(gradientOf(1, 1)) },
    }).finish(),
    Initialize: v1.InitializeRequest.encode({ caller, step: 1, generation: 2 }).finish(),
    Restore: v1.RestoreRequest.encode({ caller, step: 1, generation: 2 }).finish(),
    Push: v1.PushRequest.encode({ caller, step: 1, learningRate: 0.5, lanesFrom: 1, lanesTo: 2 }).finish(),
    Commit: v1.CommitRequest.encode({ caller, step: 1, sumOfSquares: 1 }).finish(),
    Pull: v1.PullRequest.encode({ caller, step: 1, vector: 'parameters' }).finish(),
    Heartbeat: v1.HeartbeatRequest.encode({ caller }).finish(),
    Finish: v1.FinishRequest.encode({ caller }).finish(),
    Leave: v1.LeaveRequest.encode({ caller, finished: true }).finish(),
  };
}
