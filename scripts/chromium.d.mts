/** The path of a Chromium on this machine; undefined if there is none. */
export function findChromium(): Promise<string | undefined>;
/** The path of a Chromium, which is installed first if necessary; undefined if that fails. */
export function ensureChromium(): Promise<string | undefined>;
/** The path of the first of these programs that is on PATH; undefined if none is. */
export function programOnPath(names: readonly string[]): string | undefined;
