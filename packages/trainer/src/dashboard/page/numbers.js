// Formats numbers for the page.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/**
 * Formats to three or four digits; a dash for an unknown value.
 * @param {number | null | undefined} value
 */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return count(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

/** @param {number} seconds */
export function milliseconds(seconds) {
  return `${figure(Number((1000 * seconds).toPrecision(3)))} ms`;
}

/** @param {number} amount */
export function bytes(amount) {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, amount)) / 3));
  return `${Number((amount / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** @param {number | null | undefined} busy */
export function cores(busy) {
  return busy === null || busy === undefined ? '–' : `${figure(Number(busy.toPrecision(2)))} cores`;
}

/** @param {number | null | undefined} amount in bytes */
export function memory(amount) {
  return amount ? `${count(amount / 2 ** 20)} MiB` : '–';
}

/** @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  const total = Math.round(seconds);
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return minutes > 0 ? `${minutes} min ${String(total % 60).padStart(2, '0')} s` : `${total} s`;
}
