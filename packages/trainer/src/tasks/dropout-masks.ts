/** The dropout masks of a task's training batch, as the inputs `dropout.0`, `dropout.1`, … */
import { fillDropoutMask } from '@unroll/core/internal';
import type { LaneSlice } from '../training/learners/batch-source.js';

export interface MaskSettings {
  /** Probability of dropping a unit; at zero there are no masks. */
  readonly rate: number;
  readonly seed: number;
  /** Number of the batch, counted from 0 over all epochs. */
  readonly index: number;
  readonly lanes: LaneSlice;
}

/**
 * Returns the masks, [time · lanes · width] each. Each lane's is a function of the seed and the numbers of batch and lane.
 * @param sites the number of time steps and the width of each mask
 */
export function dropoutMasks(
  { rate, seed, index, lanes: { from, to } }: MaskSettings,
  sites: readonly { readonly time: number; readonly width: number }[],
): Record<string, Float32Array> {
  if (rate === 0) return {};
  return Object.fromEntries(
    sites.map(({ time, width }, site) => {
      const mask = new Float32Array(time * (to - from) * width);
      fillDropoutMask(mask, { rate, seed, step: index, site, firstLane: from, lanes: to - from, time, width });
      return [`dropout.${site}`, mask];
    }),
  );
}
