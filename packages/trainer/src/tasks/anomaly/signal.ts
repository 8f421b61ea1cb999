import type { TimeSeries } from '../time-series/csv.js';

/** Rows of a signal, both inclusive. */
export interface LabelledWindow {
  readonly from: number;
  readonly to: number;
}

export interface Signal extends TimeSeries {
  readonly name: string;
  /** In which it has an anomaly, in their order. */
  readonly windows: readonly LabelledWindow[];
}
