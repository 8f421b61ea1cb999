/** What commands write for whoever called them. */

/** A line on stderr. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
