import type { TimeSeries } from '../time-series/csv.js';

/** A range of rows; both ends are inclusive. */
export interface LabelledWindow {
  readonly from: number;
  readonly to: number;
}

export interface Signal extends TimeSeries {
  readonly name: string;
  /** Windows that contain an anomaly, ascending. */
  readonly windows: readonly LabelledWindow[];
}
