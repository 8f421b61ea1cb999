/** Checks of numbers in configurations. */
import { SettingError } from './setting-error.js';

export function isPositiveInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** @throws SettingError naming `field` if the value is not a positive integer */
export function requirePositiveInteger(field: string, value: unknown): void {
  if (isPositiveInteger(value)) return;
  throw new SettingError((nameOf) => `${nameOf(field)} must be a positive integer, got ${value}`);
}

/** @throws SettingError naming `field` if the value is not a probability below 1 */
export function requireRate(field: string, value: number): void {
  if (value >= 0 && value < 1) return;
  throw new SettingError((nameOf) => `${nameOf(field)} must be in [0, 1), got ${value}`);
}
