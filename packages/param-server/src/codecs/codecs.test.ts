// The guarantees of each codec for the numbers that it carries, and the bytes that the decoder refuses.
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../simulation/virtual-time.js';
import { doAtOnce } from '../time/long-work.js';
import { partition, type Slice } from '../vectors/partition.js';
import { bfloat16Format } from './bfloat16.js';
import { writeBlocks } from './blocks.js';
import { ByteReader } from './byte-reader.js';
import type { LossyCodec } from './codec.js';
import { GradientEncoder } from './gradient-encoder.js';
import { int8Format } from './int8.js';
import { largest } from './largest.js';
import { product, writeLowRank } from './low-rank.js';
import { float32Format } from './number-format.js';
import { decodeVector, mostBytes, readRecord } from './payload.js';
import { LowRankCompression, powerIteration } from './power-sgd.js';
import { ErrorFeedback, roundingOf } from './slice-encoder.js';
import { TopK } from './top-k.js';

const random = seededRandom(7);
/** Values of many magnitudes, like a gradient's. */
const gradient = (length: number) =>
  Float32Array.from({ length }, () => (random() - 0.5) * 10 ** Math.floor(6 * random() - 4));
const sliceOf = (rows: number, rowLength: number): Slice => {
  return { parameter: 'kernel', start: 0, offset: 0, length: rows * rowLength, rowLength };
};
const decoded = (record: Uint8Array, slice: Slice): Float32Array => {
  const values = new Float32Array(slice.length);
  const reader = new ByteReader(record);
  doAtOnce(readRecord(reader, slice, values, () => undefined));
  reader.requireEnd();
  return values;
};
const greatest = (values: Float32Array) => Math.max(...values.map(Math.abs));

const slices = [sliceOf(1, 1), sliceOf(5, 1), sliceOf(3, 40), sliceOf(7, 300), sliceOf(600, 1), sliceOf(9, 2)];

describe.each(slices)('$length values in rows of $rowLength', (slice) => {
  test('are read as they are written in float32', () => {
    const values = gradient(slice.length);
    expect(decoded(writeBlocks(float32Format, slice, values), slice)).toEqual(values);
  });

  test('are read in bfloat16 to one part in 256', () => {
    const values = gradient(slice.length);
    const read = decoded(writeBlocks(bfloat16Format, slice, values), slice);
    for (const [i, value] of values.entries()) {
      expect(Math.abs(read[i]! - value)).toBeLessThanOrEqual(Math.abs(value) / 256);
    }
  });

  test('are read in int8 to half a 127th of the greatest', () => {
    const values = gradient(slice.length);
    const read = decoded(writeBlocks(int8Format, slice, values), slice);
    const bound = (greatest(values) / 127) * 0.500001;
    for (const [i, value] of values.entries()) expect(Math.abs(read[i]! - value)).toBeLessThanOrEqual(bound);
  });
});

test('bfloat16 rounds to the nearest, and to the even one of two', () => {
  const values = Float32Array.of(1, 1 + 1 / 256, 1 + 3 / 256, 1 + 1.1 / 256, -0.5, 3e-39);
  const read = decoded(writeBlocks(bfloat16Format, sliceOf(6, 1), values), sliceOf(6, 1));
  expect([...read.subarray(0, 5)]).toEqual([1, 1, 1 + 4 / 256, 1 + 2 / 256, -0.5]);
});

test('rows of zeros do not travel', () => {
  const slice = sliceOf(100, 64);
  const values = new Float32Array(slice.length).fill(0.5, 64 * 30, 64 * 32);
  for (const format of [float32Format, bfloat16Format, int8Format]) {
    const record = writeBlocks(format, slice, values);
    expect(record.length).toBe(1 + 13 + 2 * format.bytesOf(64));
    expect(greatest(decoded(record, slice).map((value, i) => value - values[i]!))).toBeLessThan(1e-6);
  }
});

describe('error feedback', () => {
  const slice = sliceOf(6, 40);
  test.each([
    { name: 'int8', compression: roundingOf(slice, int8Format) },
    { name: 'power-sgd', compression: new LowRankCompression(slice, 2) },
  ])('with $name: what was read and what is held back sum up to all gradients', ({ compression }) => {
    const encoder = new ErrorFeedback(slice, compression);
    const sum = new Float64Array(slice.length);
    const read = new Float64Array(slice.length);
    for (let step = 0; step < 30; step++) {
      const values = gradient(slice.length);
      for (const [i, value] of decoded(encoder.encode(values), slice).entries()) {
        read[i]! += value;
        sum[i]! += values[i]!;
      }
    }
    for (const [i, value] of sum.entries()) expect(read[i]! + encoder.heldBack[i]!).toBeCloseTo(value, 3);
  });

  test('begins anew when it has forgotten', () => {
    const encoder = new ErrorFeedback(slice, roundingOf(slice, int8Format));
    const values = gradient(slice.length);
    encoder.encode(values);
    encoder.reset();
    const fresh = new ErrorFeedback(slice, roundingOf(slice, int8Format));
    expect(encoder.encode(values)).toEqual(fresh.encode(values));
  });

  test('lets rows without a gradient wait with what is held back of them', () => {
    const encoder = new ErrorFeedback(slice, roundingOf(slice, int8Format));
    encoder.encode(gradient(slice.length));
    const values = gradient(slice.length).fill(0, 40);
    expect(encoder.encode(values).length).toBe(1 + 1 + 4 + 40);
  });
});

describe('top-k', () => {
  test.each([1, 7, 50, 200])('chooses the %i values of the greatest magnitude, as sorting does', (count) => {
    const values = gradient(200);
    values.fill(0, 150);
    const sorted = [...values.keys()].sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
    const expected = sorted.slice(0, Math.min(count, 150)).sort((a, b) => a - b);
    expect(largest(values, count)).toEqual(expected);
  });

  test('chooses the first of equal values', () => {
    expect(largest(Float32Array.of(1, -2, 2, 1, 2, 0), 2)).toEqual([1, 2]);
    expect(largest(Float32Array.of(1, -1, 1), 2)).toEqual([0, 1]);
  });

  test('takes momentum before it holds back, as the paper writes it down', () => {
    // m = 0.5, k = 1 of 2: u ← m·u + g, v ← v + u; where v is sent, u and v become 0.
    const topK = new TopK({ length: 2 }, { density: 0.5, momentum: 0.5, isNesterov: false });
    const send = (...g: number[]) => {
      const sent = new Float32Array(2);
      topK.encode(Float32Array.from(g), 1, sent);
      return [...sent];
    };
    expect(send(4, 3)).toEqual([4, 0]); // u = 4, 3; v = 4, 3
    expect(send(1, 1)).toEqual([0, 5.5]); // u = 1, 2.5; v = 1, 5.5
    expect(send(2, 1)).toEqual([3.5, 0]); // u = 2.5, 1; v = 3.5, 1
    expect(send(0, 0)).toEqual([0, 1.5]); // u = 0, 0.5; v = 0, 1.5
  });

  test('takes momentum as Nesterov does if told so', () => {
    const topK = new TopK({ length: 1 }, { density: 1, momentum: 0.5, isNesterov: true });
    const sent = new Float32Array(1);
    topK.encode(Float32Array.of(4), 0.5, sent);
    // g = 4 · 0.5; u = 0.5 · (0 + 2); v = u + g
    expect(sent[0]).toBe(3);
  });

  test('without momentum sends in time all that it was given', () => {
    const topK = new TopK({ length: 60 }, { density: 0.1, momentum: 0, isNesterov: false });
    const [sum, read, sent] = [new Float64Array(60), new Float64Array(60), new Float32Array(60)];
    for (let step = 0; step < 60; step++) {
      // At the end nothing more comes in, and ten times a tenth sends everything.
      const values = step < 50 ? gradient(60) : new Float32Array(60);
      topK.encode(values, 1, sent);
      for (const [i, value] of values.entries()) {
        sum[i]! += value;
        read[i]! += sent[i]!;
      }
    }
    for (const [i, value] of sum.entries()) expect(read[i]).toBeCloseTo(value, 3);
  });
});

describe('power-sgd', () => {
  const [rows, columns, rank] = [24, 18, 3];
  const lowRank = (of: number) => {
    const values = new Float32Array(rows * columns);
    const uniform = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
    product({ rank: of, p: uniform(rows * of), q: uniform(columns * of) }, values);
    return values;
  };

  test.each([1, 2, 3])('sends a matrix of rank %i as it is', (of) => {
    const matrix = lowRank(of);
    const record = new LowRankCompression(sliceOf(rows, columns), rank).compress(matrix);
    const read = decoded(record, sliceOf(rows, columns));
    expect(greatest(read.map((value, i) => value - matrix[i]!))).toBeLessThan(1e-5);
  });

  test('makes P orthonormal', () => {
    const { p } = powerIteration(lowRank(9), lowRank(9).subarray(0, columns * rank), rank);
    for (let a = 0; a < rank; a++) {
      for (let b = 0; b < rank; b++) {
        let dot = 0;
        for (let i = 0; i < p.length; i += rank) dot += p[i + a]! * p[i + b]!;
        expect(dot).toBeCloseTo(a === b ? 1 : 0, 5);
      }
    }
  });

  test('finds its way out of a gradient of zeros', () => {
    const compression = new LowRankCompression(sliceOf(rows, columns), rank);
    compression.compress(new Float32Array(rows * columns));
    const matrix = lowRank(3);
    const read = decoded(compression.compress(matrix), sliceOf(rows, columns));
    expect(greatest(read.map((value, i) => value - matrix[i]!))).toBeLessThan(1e-5);
  });
});

const parameters = [
  { name: 'kernel', shape: [40, 64] },
  { name: 'bias', shape: [64] },
];
const codecs: LossyCodec[] = [
  { name: 'bfloat16' },
  { name: 'int8' },
  { name: 'power-sgd', rank: 2 },
  { name: 'top-k', density: 0.05, momentum: 0.9, isNesterov: false, clipNorm: 1 },
];

describe.each(codecs)('a worker with the codec $name', (codec) => {
  const layouts = partition(parameters, 2);
  const gradients = () => ({ kernel: gradient(40 * 64), bias: gradient(64) });
  const rest = { share: 0.5, forgetsAfter: false };
  const copyOf = <T>(encoded: T): T => structuredClone(encoded);

  test('sends a step that it makes again in the same bytes', () => {
    const encoder = new GradientEncoder(codec, layouts);
    encoder.encode({ step: 3, gradients: gradients(), ...rest });
    const values = gradients();
    const once = copyOf(encoder.encode({ step: 4, gradients: values, ...rest }));
    expect(copyOf(encoder.encode({ step: 4, gradients: values, ...rest }))).toEqual(once);
  });

  test('sends when it has forgotten what one does that has just begun', () => {
    const [encoder, fresh] = [new GradientEncoder(codec, layouts), new GradientEncoder(codec, layouts)];
    encoder.encode({ step: 0, gradients: gradients(), ...rest });
    encoder.encode({ step: 1, gradients: gradients(), share: 0.5, forgetsAfter: true });
    const values = gradients();
    expect(encoder.encode({ step: 2, gradients: values, ...rest })).toEqual(
      fresh.encode({ step: 2, gradients: values, ...rest }),
    );
  });

  test('sends what is not finite as it is, for the servers to name', () => {
    const values = gradients();
    values.bias[3] = Number.NaN;
    const encoded = new GradientEncoder(codec, layouts).encode({ step: 0, gradients: values, ...rest });
    expect(encoded).toEqual({ type: 'values', values });
  });

  test('sends no more bytes than a server takes', () => {
    const encoded = new GradientEncoder(codec, layouts).encode({ step: 0, gradients: gradients(), ...rest });
    for (const [shard, { length }] of (encoded.type === 'payloads' ? encoded.payloads : []).entries()) {
      expect(length).toBeLessThanOrEqual(mostBytes(layouts[shard]!));
    }
  });
});

describe('a reader refuses', () => {
  const [layout] = partition(parameters, 1);
  const [bias, kernel] = layout!.slices;
  const whole = Buffer.concat([
    writeBlocks(int8Format, bias!, gradient(64)),
    writeLowRank({ rank: 2, p: gradient(80), q: gradient(128) }),
  ]);
  const read = (bytes: Uint8Array) =>
    doAtOnce(decodeVector(bytes, layout!, new Float32Array(layout!.length), () => undefined));

  test('an encoded vector that is cut off anywhere, or longer than it is', () => {
    read(whole);
    for (let length = 0; length < whole.length; length++) {
      expect(() => read(whole.subarray(0, length))).toThrow('ends too early');
    }
    expect(() => read(Buffer.concat([whole, Buffer.of(0)]))).toThrow('goes on for 1 bytes too many');
  });

  test('records of an unknown kind', () => {
    expect(() => read(Buffer.of(9, 0, 0))).toThrow('a record of the unknown kind 9');
  });

  // 12 is the greatest rank that the client uses.
  test.each([0, 13, 41, 65_535])('a matrix of [40, 64] of rank %i', (rank) => {
    const record = Buffer.of(4, rank & 0xff, rank >> 8);
    const values = new Float32Array(kernel!.length);
    expect(() => doAtOnce(readRecord(new ByteReader(record), kernel!, values, () => undefined))).toThrow(
      `has rank ${rank} for a matrix of [40, 64]`,
    );
  });
});
