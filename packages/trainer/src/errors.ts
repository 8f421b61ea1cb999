/** Errors that the user can fix. The command prints their one line, never a stack trace. */
import { constants } from 'node:os';
import type { z } from 'zod';

/** A thing that a command needs is missing, broken or refused: exit status 1. */
export class UnrollError extends Error {
  override readonly name: string = 'UnrollError';
}

/** The command was called wrongly: exit status 2. */
export class UsageError extends UnrollError {
  override readonly name = 'UsageError';
}

/**
 * A signal ended the command before it was done. The exit status is 128 plus the signal's number, as in a shell for a
 * process that a signal ended.
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

/** Returns the signal that ended one of our processes early, from its exit status; undefined if none did. */
export function signalOfStatus(status: number | null): NodeJS.Signals | undefined {
  const number = (status ?? 0) - statusOfSignal;
  return (['SIGINT', 'SIGTERM'] as const).find((signal) => constants.signals[signal] === number);
}

/** Returns the first line of another library's error, for quoting in a message of ours. */
export function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}

/**
 * Returns the first fault that a schema found: the field and what is wrong with it.
 * @param nameOf maps the path of a field, such as `optimizer.name`, to the name to show
 */
export function schemaFault(
  { issues }: z.ZodError,
  nameOf: (path: string) => string = (path) => path,
  unknown = 'is not a known setting; leave it out',
): string {
  const { path, message, ...issue } = issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    return `${nameOf([...path, issue.keys[0]].join('.'))}: ${unknown}`;
  }
  return path.length === 0 ? message : `${nameOf(path.join('.'))}: ${message}`;
}
