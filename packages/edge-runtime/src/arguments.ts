/**
 * Checks callers' arguments where they enter: a value of the wrong kind is a TypeError, one out of range a RangeError.
 * TypeScript finds most of these errors earlier, but pages are often JavaScript, and texts come from their input
 * fields.
 */

/** @throws TypeError if `value` is not a string */
export function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw wrongKind(name, 'a string', value);
}

/** @throws TypeError if `value` is not a list of strings */
export function checkTexts(name: string, value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw wrongKind(name, 'a list of strings', value);
  for (const [place, text] of value.entries()) checkText(`${name}[${place}]`, text);
}

/** @throws TypeError if `value` is not an object of options */
export function checkOptions(value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wrongKind('options', 'an object', value);
}

/** @throws TypeError if one of these `options` is given and not a number */
export function checkNumbers(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && typeof value !== 'number') throw wrongKind(name, 'a number', value);
  }
}

/** @throws TypeError or RangeError if `value` is not a whole number of at least `least` */
export function checkCount(name: string, value: unknown, least: 0 | 1): void {
  checkNumbers({ [name]: value });
  if (Number.isSafeInteger(value) && Number(value) >= least) return;
  throw new RangeError(`${name} ${value}: must be a whole number of at least ${least}`);
}

/** @throws TypeError if `value` is given and not a function */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw wrongKind(name, 'a function', value);
}

/** @throws TypeError if `value` is given and not a boolean */
export function checkBoolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') throw wrongKind(name, 'true or false', value);
}

/** @throws TypeError if `value` is neither a string nor a URL, of this realm or another */
export function checkAddress(name: string, value: unknown): asserts value is string | URL {
  if (typeof value !== 'string' && !isA('URL', value)) throw wrongKind(name, 'a string or a URL', value);
}

/**
 * Resolves `value` to an absolute address.
 * @throws TypeError if it is neither a string nor a URL; RangeError if it does not give an address
 */
export function checkedUrl(name: string, value: unknown): string {
  checkAddress(name, value);
  try {
    return new URL(value, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw new RangeError(`${name} '${value}': is no address here; give a whole one, such as https://…`);
  }
}

/** Whether `value` is an object of this platform class, from this realm or another. */
export function isA(className: string, value: unknown): boolean {
  return Object.prototype.toString.call(value) === `[object ${className}]`;
}

/** @throws TypeError if `value` is not a list */
export function checkList(name: string, value: readonly unknown[]): void {
  if (!Array.isArray(value)) throw wrongKind(name, 'a list', value);
}

/** @throws TypeError or RangeError if `values` is not a list or array of numbers, or one of them is not finite */
export function checkSamples(name: string, values: unknown): void {
  if (!Array.isArray(values) && !(values instanceof Float32Array) && !(values instanceof Float64Array)) {
    throw wrongKind(name, 'a list of numbers', values);
  }
  const place = values.findIndex((value: unknown) => !Number.isFinite(value));
  if (place === -1) return;
  throw new RangeError(`${name}[${place}] is ${String(values[place])}; every value must be a finite number`);
}

/** @throws TypeError if `value` is given and not an AbortSignal, of this realm or another */
export function checkSignal(value: unknown): void {
  const isSignal = typeof value === 'object' && value !== null && 'throwIfAborted' in value;
  if (value !== undefined && !isSignal) throw wrongKind('signal', 'an AbortSignal', value);
}

export function wrongKind(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name}: must be ${expected}, is ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
