/** Errors that are the user's to mend. The command prints their one line, never a stack trace. */
import { constants } from 'node:os';

/** Something that a command needs is missing, broken or refused: exit status 1. */
export class UnrollError extends Error {
  override readonly name: string = 'UnrollError';
}

/** The command was called wrongly: exit status 2. */
export class UsageError extends UnrollError {
  override readonly name = 'UsageError';
}

/**
 * A signal had the command end before it was done. The exit status is 128 and the signal's number, as a shell tells of a process
 * that a signal ended.
 */
export class Interruption extends UnrollError {
  override readonly name = 'Interruption';

  constructor(
    message: string,
    readonly signal: NodeJS.Signals,
  ) {
    super(message);
  }

  get status(): number {
    return statusOfSignal + constants.signals[this.signal];
  }
}

const statusOfSignal = 128;

/** The signal that had a process of ours end before it was done, by its status. */
export function signalOfStatus(status: number | null): NodeJS.Signals | undefined {
  const number = (status ?? 0) - statusOfSignal;
  return (['SIGINT', 'SIGTERM'] as const).find((signal) => constants.signals[signal] === number);
}

/** The first line of what another library throws, to be quoted in a message of ours. */
export function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}
