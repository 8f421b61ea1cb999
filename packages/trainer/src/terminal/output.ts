/** Writes the output of commands, and handles a pipe that nobody reads and a full device. */
import { UnrollError } from '../errors.js';

/** The reader of stdout has gone, as `head` does when it has its lines. */
export class ClosedPipe extends Error {
  override readonly name = 'ClosedPipe';
}

/** The exit status after {@link ClosedPipe}: the one that a shell reports for a program ended by SIGPIPE. */
export const closedPipeStatus = 141;

/**
 * Keeps write errors of stdout or stderr from ending this process: a training goes on although nobody reads its log.
 * {@link print} reports such errors to the writer of a result.
 */
export function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  }
}

function ignore(): void {}

/**
 * Writes to stdout and waits until it is accepted.
 * @throws ClosedPipe if nobody reads it; UnrollError if it cannot be written
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(reasonOf(error)) : resolve()));
  });
}

function reasonOf(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE') return new ClosedPipe('nobody reads stdout', { cause: error });
  const why = error.code === 'ENOSPC' ? 'its device is full' : `cannot be written (${error.code})`;
  return new UnrollError(`stdout: ${why}; write to another file`, { cause: error });
}
