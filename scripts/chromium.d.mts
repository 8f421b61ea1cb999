/** The path of a Chromium that is on this machine already, or undefined. */
export function findChromium(): Promise<string | undefined>;
/** The path of a Chromium, installed first if there is none; undefined if that fails. */
export function ensureChromium(): Promise<string | undefined>;
/** The path of the first of these programs that PATH leads to, or undefined. */
export function programOnPath(names: readonly string[]): string | undefined;
