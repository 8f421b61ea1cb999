/**
 * The seasonal-naive forecast: the values of one season ago, a baseline that a forecaster has to beat. Hyndman and
 * Athanasopoulos (2021), "Forecasting: Principles and Practice", section 5.2.
 */

const dayMilliseconds = 24 * 60 * 60 * 1000;

/**
 * Returns the number of rows in a day, which is the season of measurements at intervals of hours or minutes. Returns 1
 * if rows are a day or more apart.
 * @param times the times of the rows in milliseconds; the first two are used
 */
export function rowsOfADay([first, second]: readonly number[]): number {
  const rows = Math.round(dayMilliseconds / (second! - first!));
  return Number.isFinite(rows) && rows >= 1 ? rows : 1;
}

/**
 * Forecasts the rows from `at` on, [horizon, series].
 * @param values [rows, series]
 */
export function seasonalNaive(
  values: Float32Array,
  at: number,
  { season, horizon, series }: { readonly season: number; readonly horizon: number; readonly series: number },
): Float32Array {
  return Float32Array.from({ length: horizon * series }, (_, k) => {
    const [step, column] = [Math.floor(k / series), k % series];
    const seasonsAgo = Math.floor(step / season) + 1;
    return values[(at + step - seasonsAgo * season) * series + column]!;
  });
}
