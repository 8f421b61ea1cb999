/** The report of `unroll doctor` on one component of a machine, and a helper that runs a program to examine it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface Check {
  readonly name: string;
  /** `missing`: it is not there. `broken`: it is there, but does not work. */
  readonly status: 'ok' | 'missing' | 'broken';
  /** One line with the finding. */
  readonly detail: string;
  /** How to install or repair it. */
  readonly remedy?: string;
}

/** Timeout that ends a hanging program. Importing a large library on a busy machine takes minutes. */
const slowestSeconds = 300;

/**
 * Runs a program for some minutes at most and returns its trimmed output.
 * @throws Error with the reason from its stderr, or how it ended
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

/** Returns the line of an uncaught error or, without one, the last line. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.trim().split('\n');
  const uncaught = /^\w*Error(?: \[\w+\])?: (.*)/;
  return (
    lines.map((line) => uncaught.exec(line)?.[1]).find((reason) => reason !== undefined) ?? (lines.at(-1) || undefined)
  );
}
