/**
 * Packs everything needed to continue a lane into one row of numbers; the parameter servers keep lanes in this form. A
 * row holds the loss of the epoch so far and its count, then the recurrent state.
 */
import type { Trainable } from '@unroll/core/internal';
import type { Arrays } from '../../checkpoint/arrays.js';
import type { LaneLosses } from './lane-losses.js';

/** The first two numbers of a row: the loss, and how many tokens or examples it is summed over. */
const accounts = 2;

/** The part of a model that carries state. */
export type StatefulModel = Pick<Trainable, 'stateShapes'>;

interface StatePlace {
  readonly name: string;
  /** Index in a row at which the state begins. */
  readonly start: number;
  readonly width: number;
}

/** Returns the places of the recurrent state's arrays, `[lanes, width]` each, in the order of a row. */
function statePlaces(model: StatefulModel): StatePlace[] {
  let end = accounts;
  return Object.entries(model.stateShapes(1)).map(([name, [, width = 0]]) => {
    end += width;
    return { name, start: end - width, width };
  });
}

/** Returns the length of a row. */
export function laneWidth(model: StatefulModel): number {
  return statePlaces(model).reduce((sum, { width }) => sum + width, accounts);
}

/** Packs lanes into rows, `[lanes, laneWidth]`. */
export function packLanes(model: StatefulModel, recurrent: Arrays, { sums, counts }: LaneLosses): Float32Array {
  const places = statePlaces(model);
  const rowWidth = laneWidth(model);
  const rows = new Float32Array(sums.length * rowWidth);
  for (let lane = 0; lane < sums.length; lane++) {
    rows[lane * rowWidth] = sums[lane]!;
    rows[lane * rowWidth + 1] = counts[lane]!;
    for (const { name, start, width } of places) {
      rows.set(recurrent[name]!.subarray(lane * width, (lane + 1) * width), lane * rowWidth + start);
    }
  }
  return rows;
}

/** Unpacks the recurrent state from rows made by {@link packLanes}. */
export function unpackRecurrent(model: StatefulModel, rows: Float32Array): Arrays {
  const rowWidth = laneWidth(model);
  const lanes = rows.length / rowWidth;
  const recurrent: Arrays = {};
  for (const { name, start, width } of statePlaces(model)) {
    const state = new Float32Array(lanes * width);
    for (let lane = 0; lane < lanes; lane++) {
      const from = lane * rowWidth + start;
      state.set(rows.subarray(from, from + width), lane * width);
    }
    recurrent[name] = state;
  }
  return recurrent;
}

/** Overwrites `losses` with those in rows made by {@link packLanes}; they were rounded to float32. */
export function unpackLosses(model: StatefulModel, rows: Float32Array, losses: LaneLosses): void {
  const width = laneWidth(model);
  for (let lane = 0; lane < losses.sums.length; lane++) {
    losses.sums[lane] = rows[lane * width]!;
    losses.counts[lane] = rows[lane * width + 1]!;
  }
}
