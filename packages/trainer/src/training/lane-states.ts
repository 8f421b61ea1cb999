/**
 * All that a process must know of a lane to go on with it, as one row of numbers, in which form the parameter servers keep
 * it: the loss and the tokens of the epoch so far, then the recurrent state.
 */
import { type LanguageModelConfig, stateShapes } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import type { LaneLosses } from './lane-losses.js';

/** The loss and the tokens. */
const accounts = 2;

/** The names of the recurrent state's arrays, `[lanes, hidden]` each, in the order of a row. */
function stateNames(model: LanguageModelConfig): string[] {
  return Object.keys(stateShapes(model, 1));
}

/** The numbers of a row. */
export function laneWidth(model: LanguageModelConfig): number {
  return accounts + stateNames(model).length * model.hiddenDim;
}

/** The rows of some lanes, `[lanes, width]`. */
export function packLanes(model: LanguageModelConfig, recurrent: Arrays, { sums, tokens }: LaneLosses): Float32Array {
  const { hiddenDim } = model;
  const width = laneWidth(model);
  const rows = new Float32Array(sums.length * width);
  for (let lane = 0; lane < sums.length; lane++) {
    rows[lane * width] = sums[lane]!;
    rows[lane * width + 1] = tokens[lane]!;
    for (const [k, name] of stateNames(model).entries()) {
      const state = recurrent[name]!.subarray(lane * hiddenDim, (lane + 1) * hiddenDim);
      rows.set(state, lane * width + accounts + k * hiddenDim);
    }
  }
  return rows;
}

/** The recurrent state in rows that {@link packLanes} made. */
export function unpackRecurrent(model: LanguageModelConfig, rows: Float32Array): Arrays {
  const { hiddenDim } = model;
  const width = laneWidth(model);
  const lanes = rows.length / width;
  const recurrent: Arrays = {};
  for (const [k, name] of stateNames(model).entries()) {
    const state = new Float32Array(lanes * hiddenDim);
    for (let lane = 0; lane < lanes; lane++) {
      const start = lane * width + accounts + k * hiddenDim;
      state.set(rows.subarray(start, start + hiddenDim), lane * hiddenDim);
    }
    recurrent[name] = state;
  }
  return recurrent;
}

/** Sets the losses to those in rows that {@link packLanes} made; they were rounded to float32. */
export function unpackLosses(model: LanguageModelConfig, rows: Float32Array, losses: LaneLosses): void {
  const width = laneWidth(model);
  for (let lane = 0; lane < losses.sums.length; lane++) {
    losses.sums[lane] = rows[lane * width]!;
    losses.tokens[lane] = rows[lane * width + 1]!;
  }
}
