import { describe, expect, test } from 'vitest';
import { evaluationBatches, LaneBatches } from './batches.js';

/** 0, 1, 2, …: a token's id is its position in the text. */
function text(length: number): Int32Array {
  return Int32Array.from({ length }, (_, place) => place);
}

describe('training batches', () => {
  test('lay the text out in contiguous lanes, time-major, with the next token as target', () => {
    const batches = new LaneBatches(text(12), { lanes: 2, window: 3 });
    expect(batches.stepsPerEpoch).toBe(2);
    expect(batches.batchAt(0)).toEqual({
      ids: Int32Array.of(0, 5, 1, 6, 2, 7),
      targets: Int32Array.of(1, 6, 2, 7, 3, 8),
      steps: 3,
      lanes: 2,
      resetState: true,
    });
  });

  test('end an epoch with a shorter window, and begin the next from the start with fresh states', () => {
    const batches = new LaneBatches(text(12), { lanes: 2, window: 3 });
    expect(batches.batchAt(1)).toEqual({
      ids: Int32Array.of(3, 8, 4, 9),
      targets: Int32Array.of(4, 9, 5, 10),
      steps: 2,
      lanes: 2,
      resetState: false,
    });
    expect(batches.batchAt(2)).toEqual(batches.batchAt(0));
  });

  test.each([
    [1, 7],
    [3, 4],
    [5, 35],
  ])('predict each of the first lanes · ⌊(tokens − 1) / lanes⌋ targets once an epoch, B%d T%d', (lanes, window) => {
    const batches = new LaneBatches(text(100), { lanes, window });
    const seen = Array.from({ length: batches.stepsPerEpoch }, (_, step) => [...batches.batchAt(step).targets]).flat();
    const used = lanes * Math.floor(99 / lanes);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: used }, (_, i) => i + 1));
  });

  test('of workers that share the lanes are the parts of the global batch', () => {
    const whole = new LaneBatches(text(50), { lanes: 4, window: 5 }).batchAt(1);
    const part = new LaneBatches(text(50), { lanes: 4, window: 5, slice: { from: 1, to: 3 } }).batchAt(1);
    expect(part.lanes).toBe(2);
    const columns = Array.from(whole.ids).filter((_, i) => i % 4 === 1 || i % 4 === 2);
    expect([...part.ids]).toEqual(columns);
  });

  test('are refused with the reason', () => {
    expect(() => new LaneBatches(text(4), { lanes: 4, window: 1 })).toThrow(
      'the text has 4 tokens: too few for 4 lanes',
    );
    expect(() => new LaneBatches(text(9), { lanes: 0, window: 1 })).toThrow(
      'lanes 0: must be an integer of at least 1',
    );
    expect(() => new LaneBatches(text(9), { lanes: 2, window: 1.5 })).toThrow('window 1.5');
    expect(() => new LaneBatches(text(9), { lanes: 2, window: 1, slice: { from: 2, to: 3 } })).toThrow(
      'lanes 2 to 3: must be a part of the 2 lanes',
    );
  });
});

describe('evaluation batches', () => {
  test('predict every token exactly once, the first after <eos>', () => {
    const batches = [...evaluationBatches(text(5), 99, 2)];
    expect(batches.map(({ ids }) => [...ids])).toEqual([[99, 0], [1, 2], [3]]);
    expect(batches.map(({ targets }) => [...targets])).toEqual([[0, 1], [2, 3], [4]]);
    expect(batches.map(({ resetState }) => resetState)).toEqual([true, false, false]);
    expect(batches.every(({ lanes, steps, ids }) => lanes === 1 && steps === ids.length)).toBe(true);
  });

  test('an empty text has none', () => {
    expect([...evaluationBatches(text(0), 99, 2)]).toEqual([]);
  });
});
