/** The dropout masks of a task's training batch, as the inputs `dropout.0`, `dropout.1`, … */
import { fillDropoutMask } from '@unroll/core/internal';

export interface MaskSettings {
  /** Probability of dropping a unit; at zero there are no masks. */
  readonly rate: number;
  readonly seed: number;
  /** The training step, counted from 0. */
  readonly step: number;
  /** Number of sequences in a batch. */
  readonly batch: number;
}

/**
 * Returns the masks, [time · batch · width] each.
 * @param sites the number of time steps and the width of each mask
 */
export function dropoutMasks(
  { rate, seed, step, batch }: MaskSettings,
  sites: readonly { readonly time: number; readonly width: number }[],
): Record<string, Float32Array> {
  if (rate === 0) return {};
  return Object.fromEntries(
    sites.map(({ time, width }, site) => {
      const mask = new Float32Array(time * batch * width);
      fillDropoutMask(mask, { rate, seed, step, site, firstLane: 0, lanes: batch, time, width });
      return [`dropout.${site}`, mask];
    }),
  );
}
