/** What `unroll doctor` says about one thing that a machine may have, and how it looks into it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface Check {
  readonly name: string;
  /** `missing` is not there; `broken` is there and does not work. */
  readonly status: 'ok' | 'missing' | 'broken';
  /** What was found, in a line. */
  readonly detail: string;
  /** How to get what is missing. */
  readonly remedy?: string;
}

/** It ends a program that hangs; importing a large library on a busy machine takes minutes. */
const slowestSeconds = 300;

/**
 * The trimmed output of a program, which is given some minutes.
 * @throws Error with its reason from stderr, or how it ended
 */
export async function outputOf(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { timeout: slowestSeconds * 1000 });
    return stdout.trim();
  } catch (error) {
    const { stderr, signal, message } = error as Error & { stderr?: string; signal?: string | null };
    throw new Error(reasonIn(stderr ?? '') ?? (signal ? `killed by ${signal}` : message.split('\n')[0]), {
      cause: error,
    });
  }
}

/** The line of an uncaught error if there is one, else the last one. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.trim().split('\n');
  const uncaught = /^\w*Error(?: \[\w+\])?: (.*)/;
  return (
    lines.map((line) => uncaught.exec(line)?.[1]).find((reason) => reason !== undefined) ?? (lines.at(-1) || undefined)
  );
}
