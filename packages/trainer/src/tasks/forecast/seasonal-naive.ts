/** The seasonal-naive forecast: what was, a season ago. What a forecaster has to beat. Hyndman and Athanasopoulos (2021),
 * "Forecasting: Principles and Practice", section 5.2. */

const dayMilliseconds = 24 * 60 * 60 * 1000;

/** Rows of a day, by the times of the first two in milliseconds, which is the season of measurements that are hours or minutes apart; 1 where rows are a day or more apart. */
export function rowsOfADay([first, second]: readonly number[]): number {
  const rows = Math.round(dayMilliseconds / (second! - first!));
  return Number.isFinite(rows) && rows >= 1 ? rows : 1;
}

/**
 * The forecast of the rows from `at` on, [horizon, series].
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
