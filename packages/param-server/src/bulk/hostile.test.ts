// Messages that strangers and broken workers may send on bulk connections. Whatever they send, the run goes on and ends
// with the same bits as an undisturbed run.
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { unroll } from '../generated/parameter-server.js';
import { converse, frame, hello } from '../testing/bulk-peer.js';
import { bytesOf, expectHarmless, expectNothingArrived, gradientOf } from '../testing/disturbed-run.js';
import { float32Bytes } from '../vectors/shard-vector.js';
import { frameKinds } from './frames.js';

const { PullRequest, UploadRequest } = unroll.v1;
const stranger = { worker: 7, incarnation: 99, generation: 1, lease: 0 };
const nothing = new Uint8Array(0);

const uploadBegun = (caller: unroll.v1.Caller.$Properties) =>
  frame(
    frameKinds.upload,
    UploadRequest.encode({ target: { caller, step: 1, vector: 'gradient' }, offsets: [] }).finish(),
  );
const gradient = frame(
  frameKinds.chunk,
  UploadRequest.encode({ offsets: [0] }).finish(),
  float32Bytes(gradientOf(1, 1)),
);
const uploadEnd = frame(frameKinds.end, nothing);
const uploadOf = (caller: unroll.v1.Caller.$Properties) => Buffer.concat([uploadBegun(caller), gradient, uploadEnd]);
const pullOf = (caller: unroll.v1.Caller.$Properties) =>
  frame(frameKinds.pull, PullRequest.encode({ caller, step: 1, vector: 'parameters' }).finish());

/** Few enough that the server does not close connections for being too many. */
const attemptsAtOnce = 32;

/** Sends each of these bytes after a greeting, on a connection of its own. @throws if any of them is answered by OK */
async function expectRefused(port: number, attempts: readonly Uint8Array[]): Promise<void> {
  for (let from = 0; from < attempts.length; from += attemptsAtOnce) {
    const some = attempts.slice(from, from + attemptsAtOnce);
    const answers = await Promise.all(some.map((bytes) => converse(port, Buffer.concat([hello(), bytes]), true)));
    for (const { codes } of answers) {
      expect(codes[0]).toBe(status.OK);
      expect(codes.slice(1)).not.toContain(status.OK);
    }
  }
}

describe('nothing is changed by', () => {
  test('random bytes, from the first byte on or after a greeting', async () => {
    const noise = Array.from({ length: 60 }, (_, k) => bytesOf(`bulk ${k}`, 7 * k));
    await expectHarmless({
      between: async ({ port }) => {
        for (const bytes of noise) {
          expect(await converse(port, Buffer.concat([Buffer.from('U'), bytes]), true)).toEqual(
            expect.objectContaining({ codes: expect.not.arrayContaining([status.OK]) }),
          );
        }
        await expectRefused(port, noise);
      },
    });
  });

  test.each([
    ['upload', uploadOf(stranger)],
    ['pull', pullOf(stranger)],
  ])("a stranger's %s, whole, cut off anywhere and with any bit flipped", async (_, bytes) => {
    const prefixes = Array.from({ length: bytes.length + 1 }, (_, length) => bytes.subarray(0, length));
    const flipped = Array.from({ length: bytes.length }, (_, at) => {
      const copy = Uint8Array.from(bytes);
      copy[at]! ^= 1 << (at % 8);
      return copy;
    });
    await expectHarmless({ between: ({ port }) => expectRefused(port, [...prefixes, ...flipped]) });
  });

  test('a message that is none, which is called that and no failure of the server', async () => {
    const cutOff = frame(frameKinds.pull, Uint8Array.of(10, 200));
    await expectHarmless({
      between: async ({ port }) => {
        const { codes, details } = await converse(port, Buffer.concat([hello(), cutOff]), false);
        expect(codes).toEqual([status.OK, status.RESOURCE_EXHAUSTED]);
        expect(details[1]).toMatch(/^a message that cannot be read \(/);
      },
    });
  });

  test('a greeting that is cut off, or long beyond measure', async () => {
    const long = frame(frameKinds.hello, nothing, nothing, [2 ** 20, 0]);
    await expectHarmless({
      between: async ({ port }) => {
        for (let length = 0; length < hello().length; length++) {
          expect((await converse(port, hello().subarray(0, length), true)).codes).toEqual([]);
        }
        expect((await converse(port, long, false)).codes).toEqual([status.RESOURCE_EXHAUSTED]);
      },
    });
  });

  test.each(Object.entries(frameKinds))('a %s out of turn', async (name, kind) => {
    const beforeGreeting = name === 'hello' ? [] : [frame(kind, nothing)];
    const inUpload = (caller: unroll.v1.Caller) =>
      ['chunk', 'end'].includes(name) ? [] : [Buffer.concat([uploadBegun(caller), frame(kind, nothing)])];
    const afterGreeting = ['upload', 'pull'].includes(name) ? [] : [frame(kind, nothing)];
    await expectHarmless({
      between: async ({ port, caller, connection }) => {
        for (const bytes of beforeGreeting) expect((await converse(port, bytes, false)).codes).toEqual([]);
        for (const bytes of [...inUpload(caller), ...afterGreeting]) {
          const { codes, details } = await converse(port, Buffer.concat([hello(), bytes]), false);
          expect(codes).toEqual([status.OK, status.RESOURCE_EXHAUSTED]);
          expect(details[1]).toContain('out of turn');
        }
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test('a call in the midst of another', async () => {
    await expectHarmless({
      between: async ({ port, caller, connection }) => {
        // The parameters of step 2 do not exist before this worker has pushed.
        const request = { caller, step: 2, vector: 'parameters' };
        const waiting = frame(frameKinds.pull, PullRequest.encode(request).finish());
        const { codes } = await converse(port, Buffer.concat([hello(), waiting, uploadOf(caller)]), false);
        expect(codes[0]).toBe(status.OK);
        expect(codes[1]).not.toBe(status.OK);
        expect(codes).toHaveLength(2);
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test('a frame beyond 4 MiB, of which only the header comes', async () => {
    await expectHarmless({
      between: async ({ port, caller }) => {
        for (const lengths of [
          [0, 5 * 1024 * 1024],
          [5 * 1024 * 1024, 0],
          [2 ** 32 - 1, 2 ** 32 - 1],
        ] as [number, number][]) {
          const bytes = [hello(), uploadBegun(caller), frame(frameKinds.chunk, nothing, nothing, lengths)];
          const { codes } = await converse(port, Buffer.concat(bytes), false);
          expect(codes).toEqual([status.OK, status.RESOURCE_EXHAUSTED]);
        }
      },
    });
  });

  test('an upload that breaks off, wherever', async () => {
    await expectHarmless({
      between: async ({ port, caller, connection }) => {
        const bytes = Buffer.concat([hello(), uploadOf(caller)]);
        for (let length = hello().length; length < bytes.length; length += 5) {
          expect((await converse(port, bytes.subarray(0, length), true)).codes).toEqual([status.OK]);
        }
        await expectNothingArrived(connection, caller);
      },
    });
  });

  test('a connection that is open and says nothing more', async () => {
    const halves = [hello().subarray(0, 3), hello(), Buffer.concat([hello(), pullOf(stranger).subarray(0, 15)])];
    await expectHarmless({
      between: async ({ port }) => {
        for (const bytes of halves) void converse(port, bytes, false);
      },
    });
  });

  test('more calls than any worker makes, of which the connection ends', async () => {
    const lanes = (caller: unroll.v1.Caller) =>
      UploadRequest.encode({ target: { caller, step: 1, vector: 'lanes' }, offsets: [] }).finish();
    await expectHarmless({
      between: async ({ port, caller }) => {
        const call = Buffer.concat([frame(frameKinds.upload, lanes(caller)), uploadEnd]);
        const calls = Array.from({ length: 30_000 }, () => call);
        const { codes, details } = await converse(port, Buffer.concat([hello(), ...calls]), true);
        expect(codes.at(-1)).toBe(status.RESOURCE_EXHAUSTED);
        expect(details.at(-1)).toBe('too many calls a second');
      },
    });
  });
});
