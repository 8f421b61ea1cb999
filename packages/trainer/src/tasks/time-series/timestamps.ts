/**
 * Parses timestamps as pandas' `to_datetime` does: ISO 8601 with or without an offset, years first or last, names of
 * months, plain dates and months. Times without an offset are UTC.
 */
import { UnrollError } from '../../errors.js';

const time = /(?<hour>\d{1,2}):(?<minute>\d{2})(:(?<second>\d{2})([.,](?<fraction>\d{1,9}))?)? *(?<half>[AP]M)?/i;
const offset = / *(?<offset>Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)/i;
const dates = [
  /(?<year>\d{4})(?<separator>[-/.])(?<month>\d{1,2})\k<separator>(?<day>\d{1,2})/,
  /(?<year>\d{4})(?<month>\d{2})(?<day>\d{2})/,
  /(?<first>\d{1,2})(?<separator>[-/.])(?<second_>\d{1,2})\k<separator>(?<year>\d{4})/,
  /(?<day>\d{1,2})[- ](?<name>[a-z]{3})[a-z]*[- ](?<year>\d{4})/,
  /(?<name>[a-z]{3})[a-z]* (?<day>\d{1,2}),? (?<year>\d{4})/,
];
const patterns = [
  ...dates.map((date) => new RegExp(`^${date.source}([ T]+${time.source}(${offset.source})?)?$`, 'i')),
  /^(?<year>\d{4})-(?<month>\d{2})$/,
];

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The parts of a timestamp, before the order of day and month is known. */
type Parts = Readonly<Record<string, string | undefined>>;

export function isTimestamp(text: string): boolean {
  return partsOf(text) !== undefined;
}

/**
 * Returns each timestamp in milliseconds since 1970. If the year comes last, the month comes first, as in pandas. But
 * if any row's first number is above 12, the day comes first in all rows.
 * @param where names a row in errors
 * @throws UnrollError naming the first row that is not a timestamp
 */
export function timestampsOf(written: readonly string[], where: (row: number) => string): number[] {
  const parts = written.map((text, row) => partsOf(text) ?? refuse(text, where(row)));
  const dayFirst = parts.some(({ first }) => Number(first) > 12);
  return parts.map((each, row) => instantOf(each, dayFirst) ?? refuse(written[row]!, where(row)));
}

/** Returns the milliseconds since 1970 of a timestamp whose year comes first; undefined if it is not a timestamp. */
export function instantAt(text: string): number | undefined {
  const parts = partsOf(text);
  return parts && instantOf(parts, false);
}

function partsOf(text: string): Parts | undefined {
  for (const pattern of patterns) {
    const groups = pattern.exec(text)?.groups;
    if (groups) return groups;
  }
  return undefined;
}

function instantOf(parts: Parts, dayFirst: boolean): number | undefined {
  const { year, first, second_: second, name } = parts;
  const named = name && monthNames.indexOf(name.toLowerCase()) + 1;
  const month = Number(named ?? parts.month ?? (dayFirst ? second : first));
  const day = Number(parts.day ?? (dayFirst ? first : second) ?? 1);
  const date = new Date(0);
  date.setUTCFullYear(Number(year), month - 1, day);
  const [hour, minute, seconds] = [hourOf(parts), Number(parts.minute ?? 0), Number(parts.second ?? 0)];
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (hour === undefined || minute > 59 || seconds > 59) return undefined;
  const clock = ((hour * 60 + minute) * 60 + seconds) * 1000 + Number(`0.${parts.fraction ?? 0}`) * 1000;
  return date.getTime() + clock - offsetOf(parts.offset) * 60_000;
}

function hourOf({ hour = '0', half }: Parts): number | undefined {
  const value = Number(hour);
  if (half === undefined) return value < 24 ? value : undefined;
  if (value < 1 || value > 12) return undefined;
  return (value % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
}

/** Returns the offset in minutes east of Greenwich. */
function offsetOf(text: string | undefined): number {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text ?? '') ?? [];
  return sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes));
}

function refuse(text: string, where: string): never {
  if (text === '') throw new UnrollError(`${where}: the timestamp is missing; write it as 2016-07-01 00:00:00`);
  const seconds = /^\d{9,19}(\.\d+)?$/.test(text) ? ' but a number, perhaps of seconds since 1970' : '';
  throw new UnrollError(`${where}: '${text}' is not a timestamp${seconds}; write it as 2016-07-01 00:00:00`);
}
