import { seededRandom } from '@unroll/core/decoding';
import { expect, test } from 'vitest';
import { FrozenVector } from './frozen-vector.js';

const vectorOf = (length: number) => Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i)));

test.each([0, 1, 511, 512, 513, 1024 * 1024, 2_500_001])(
  'of %i values all are read as they were, though they change before and while they are read',
  (length) => {
    const random = seededRandom(length + 1);
    const live = vectorOf(length);
    const expected = live.slice();
    const frozen = new FrozenVector(live);
    const change = () => {
      const from = Math.floor(random() * length);
      const to = Math.min(length, from + Math.ceil(10 ** (6 * random())));
      frozen.keep(from, to);
      live.fill(random(), from, to);
    };
    for (let k = 0; k < 5; k++) change();
    let at = 0;
    for (const piece of frozen.pieces()) {
      expect(Buffer.compare(bytes(piece), bytes(expected.subarray(at, at + piece.length)))).toBe(0);
      at += piece.length;
      for (let k = 0; k < 5; k++) change();
    }
    expect(at).toBe(length);
  },
);

test('of a large vector of which few rows change little is kept, and what has been read is not kept at all', () => {
  const rowLength = 512;
  const live = new Float32Array(20_000 * rowLength);
  const frozen = new FrozenVector(live);
  const changeRows = () => {
    for (let row = 0; row < 20_000; row += 20) frozen.keep(row * rowLength, (row + 1) * rowLength);
  };
  expect(allocatedBy(changeRows)).toBeLessThan(0.06 * live.byteLength);
  expect(allocatedBy(changeRows)).toBe(0);
  for (const _ of frozen.pieces());
  expect(allocatedBy(() => frozen.keep(0, live.length))).toBe(0);
});

/** Returns the bytes of arrays allocated and not freed; arrays freed meanwhile do not count. */
function allocatedBy(work: () => void): number {
  const before = process.memoryUsage().arrayBuffers;
  work();
  return Math.max(0, process.memoryUsage().arrayBuffers - before);
}

function bytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
