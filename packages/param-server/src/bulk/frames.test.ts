import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { gathering } from '../vectors/byte-sink.js';
import { FrameReader, noData, writeFrame } from './frames.js';

interface Seen {
  readonly kind: number;
  readonly message: number[];
  data?: number[];
}

/** Creates a reader that records the frames it reads. */
function noting(limit = 100): { reader: FrameReader; seen: Seen[] } {
  const seen: Seen[] = [];
  const reader = new FrameReader(({ kind, message, dataBytes }) => {
    const frame: Seen = { kind, message: [...message] };
    seen.push(frame);
    if (dataBytes === 0) return noData;
    return gathering(dataBytes, (data) => {
      frame.data = [...data];
    });
  }, limit);
  return { reader, seen };
}

const frames: Seen[] = [
  { kind: 1, message: [5, 6, 7], data: [1, 2, 3, 4, 5] },
  { kind: 2, message: [] },
  { kind: 3, message: [9] },
  { kind: 4, message: [], data: [8] },
];

async function written(): Promise<Buffer> {
  const stream = new PassThrough();
  for (const { kind, message, data } of frames) {
    await writeFrame(stream, kind, Uint8Array.from(message), data && Uint8Array.from(data));
  }
  return stream.read() as Buffer;
}

test('frames are read as they were written, wherever what comes is cut', async () => {
  const bytes = await written();
  for (let first = 0; first <= bytes.length; first++) {
    for (const second of [1, 2, 13, bytes.length]) {
      const { reader, seen } = noting();
      reader.take(bytes.subarray(0, first));
      for (let at = first; at < bytes.length; at += second) reader.take(bytes.subarray(at, at + second));
      expect(seen).toEqual(frames);
      expect(reader.isWithinFrame).toBe(false);
    }
  }
});

test('what has come behind a hold waits for the release', async () => {
  const seen: number[] = [];
  const reader = new FrameReader(({ kind, dataBytes }) => {
    seen.push(kind);
    if (kind < 3) reader.hold();
    return gathering(dataBytes, () => undefined);
  }, 100);
  reader.take(await written());
  expect(seen).toEqual([1]);
  expect(reader.isHeld).toBe(true);
  reader.release();
  expect(seen).toEqual([1, 2]);
  reader.release();
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(reader.isHeld).toBe(false);
});

test.each([
  ['message', 101, 0],
  ['data', 0, 101],
  ['message and data', 2 ** 32 - 1, 2 ** 32 - 1],
])('a frame whose %s is longer than the limit is refused when its header has come', (_, message, data) => {
  const { reader, seen } = noting();
  const header = new Uint8Array(Uint32Array.of(1, message, data).buffer);
  expect(() => reader.take(header)).toThrow('where 100 are the most');
  expect(seen).toEqual([]);
});

test('data behind a message that has none is refused', () => {
  const reader = new FrameReader(() => noData, 100);
  expect(() => reader.take(new Uint8Array([...new Uint8Array(Uint32Array.of(1, 0, 1).buffer), 7]))).toThrow(
    'data behind a message that has none',
  );
});
