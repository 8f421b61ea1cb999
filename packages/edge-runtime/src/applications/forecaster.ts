/** Forecasts time series on the device, with a bundle of `unroll train --task forecast`. */
import { checkList, checkSamples } from '../arguments.js';
import { type LoadApplicationOptions, openApplication } from './load-application.js';

export interface Forecaster extends AsyncDisposable {
  /** Names of the series, in the order of a row. */
  readonly names: readonly string[];
  /** Number of past rows that the model reads. */
  readonly context: number;
  /** Number of rows that it forecasts. */
  readonly horizon: number;
  /**
   * Forecasts the next rows.
   * @param rows the latest measurements, newest last; each row has one number for each series. The last `context` rows
   * are used
   * @throws RangeError if there are fewer rows, or one does not have one number for each series
   */
  forecast(rows: readonly (readonly number[])[]): Promise<number[][]>;
  dispose(): Promise<void>;
}

const schema = {
  model: { context: 'count', horizon: 'count', series: 'count' },
  names: 'texts',
  scale: { mean: 'numbers', deviation: 'numbers' },
} as const;

/**
 * Loads the forecaster whose bundle is at `address`: the URL of its folder or, in Node, its path. It runs in this
 * thread.
 * @throws BundleError naming the file and the remedy; the signal's reason if it aborts
 * @example
 * await using load = await loadForecaster('./transformer/');
 * const tomorrow = await load.forecast(lastFourDays);
 */
export async function loadForecaster(address: string | URL, options: LoadApplicationOptions = {}): Promise<Forecaster> {
  const application = await openApplication(address, 'forecast', schema, options);
  const { model, names, scale } = application.config;
  const { context, horizon, series } = model;
  const dispose = () => application.dispose();
  return {
    ...{ names, context, horizon },
    forecast: async (rows) => {
      checkList('rows', rows);
      const latest = rows.slice(-context);
      if (latest.length < context) throw new RangeError(`a forecast needs ${context} rows, got ${latest.length}`);
      const narrow = latest.find(({ length }) => length !== series);
      if (narrow)
        throw new RangeError(`a row has ${series} numbers (${names.join(', ')}), got one with ${narrow.length}`);
      for (const [k, row] of latest.entries()) checkSamples(`rows[${rows.length - context + k}]`, row);
      const scaled = latest.map((row) => row.map((value, k) => (value - scale.mean[k]!) / scale.deviation[k]!));
      const { forecast } = await application.run('forecast', { window: Float32Array.from(scaled.flat()) });
      return Array.from({ length: horizon }, (_, step) =>
        names.map((_, k) => forecast![step * series + k]! * scale.deviation[k]! + scale.mean[k]!),
      );
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
