/** For tests: runs a program of `examples/` as its users do. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What an example prints. */
export async function example(name: string, ...args: readonly string[]): Promise<string> {
  const program = fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
  return (await promisify(execFile)(process.execPath, [program, ...args])).stdout;
}
