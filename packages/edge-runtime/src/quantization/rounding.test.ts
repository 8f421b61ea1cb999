import { describe, expect, test } from 'vitest';
import { roundToInt4, roundToInt8 } from './rounding.js';

function squaredError(values: Float32Array, integers: Int8Array, scale: number): number {
  return values.reduce((sum, value, i) => sum + (value - scale * integers[i]!) ** 2, 0);
}

const wave = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i * i) * (i === 5 ? 3 : 1));

describe('int8', () => {
  test('no weight moves by more than half a step', () => {
    const integers = new Int8Array(32);
    const scale = roundToInt8(wave, integers);
    for (const [i, value] of wave.entries()) expect(Math.abs(value - scale * integers[i]!)).toBeLessThan(0.501 * scale);
  });

  test('zeros stay zeros', () => {
    const integers = new Int8Array(4).fill(9);
    expect(roundToInt8(new Float32Array(4), integers)).toBe(0);
    expect([...integers]).toEqual([0, 0, 0, 0]);
  });
});

describe('int4', () => {
  test('integers are within [-8, 7] and the error is below that of plain rounding to [-7, 7]', () => {
    const integers = new Int8Array(32);
    const scale = roundToInt4(wave, integers);
    expect(Math.min(...integers)).toBeGreaterThanOrEqual(-8);
    expect(Math.max(...integers)).toBeLessThanOrEqual(7);
    const plainScale = Math.max(...wave.map(Math.abs)) / 7;
    const plain = Int8Array.from(wave, (value) => Math.round(value / plainScale));
    expect(squaredError(wave, integers, scale)).toBeLessThan(0.85 * squaredError(wave, plain, plainScale));
  });

  test('weights that are 16 evenly spaced values are kept exactly', () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => ((i % 16) - 8) / 4);
    const integers = new Int8Array(32);
    const scale = roundToInt4(values, integers);
    expect(squaredError(values, integers, scale)).toBeLessThan(1e-12);
  });

  test('zeros stay zeros', () => {
    const integers = new Int8Array(32).fill(3);
    expect(roundToInt4(new Float32Array(32), integers)).toBe(0);
    expect(integers.every((integer) => integer === 0)).toBe(true);
  });
});
