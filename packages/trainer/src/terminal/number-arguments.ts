/** Parsers of numbers on the command line. Their errors are complaints that commander shows beside the flag. */
import { InvalidArgumentError } from 'commander';

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a positive integer.');
  return value;
}

export function nonNegativeInteger(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be a non-negative integer.');
  }
  return value;
}

/** Parses a number of steps, or a time such as `30s`, `10m` or `2h`. */
export function stepsOrTime(text: string): number | string {
  if (timePattern.test(text)) return text;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a number of steps, as in 500, or a time, as in 30s, 10m or 2h.');
}

/** A time above zero with its unit. */
export const timePattern = /^(?=.*[1-9])(\d+(?:\.\d+)?)([smh])$/;

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It must be a positive number.');
  return value;
}

export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number of at least 0.');
}

/** Returns a parser for a number in [low, high). */
export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= low && value < high) return value;
    throw new InvalidArgumentError(`It must be a number in [${low}, ${high}).`);
  };
}
