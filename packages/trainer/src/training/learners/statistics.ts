/**
 * Statistics of a model: what it computes in training and does not train, such as moving averages. Each lane carries a
 * copy from batch to batch, so the parameter servers keep them as they keep recurrent states.
 */
import type { Trainable } from '@unroll/core/internal';
import type { Arrays } from '../../checkpoint/arrays.js';
import type { TrainingBatch } from './batch-source.js';

/** Whether the lanes' state is zero before this batch: a recurrent state is, where an epoch begins. */
export function isStateCleared({ statistics }: Trainable, { beginsEpoch }: TrainingBatch): boolean {
  return beginsEpoch && statistics === undefined;
}

/** Returns the state of so many lanes that carry these statistics; undefined if the model has none. */
export function lanesWith({ statistics }: Trainable, values: Arrays, lanes: number): Arrays | undefined {
  if (!statistics) return undefined;
  return Object.fromEntries(Object.keys(statistics).map((name) => [name, repeated(values[name]!, lanes)]));
}

/** Returns the statistics that lane 0 carries. @param recurrent the state of all lanes, `[lanes, width]` each */
export function statisticsOf({ statistics = {} }: Trainable, recurrent: Arrays, lanes: number): Arrays {
  const ofFirst = (values: Float32Array) => values.slice(0, values.length / lanes);
  return Object.fromEntries(Object.keys(statistics).map((name) => [name, ofFirst(recurrent[name]!)]));
}

function repeated(values: Float32Array, times: number): Float32Array {
  const all = new Float32Array(values.length * times);
  for (let k = 0; k < times; k++) all.set(values, k * values.length);
  return all;
}
