/** For tests: runs a program of `examples/` in the way of its users. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Runs an example and returns its output. */
export async function example(name: string, ...args: readonly string[]): Promise<string> {
  const program = fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
  return (await promisify(execFile)(process.execPath, [program, ...args])).stdout;
}
