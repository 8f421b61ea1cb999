/** Errors between a worker and its servers, worded for the person who runs the worker. */
import { type ServiceError, status } from '@grpc/grpc-js';

const passingCodes = new Set([status.ABORTED, status.UNAVAILABLE, status.CANCELLED]);

const absences = new Set([status.DEADLINE_EXCEEDED, status.DATA_LOSS]);

/** A call to a parameter server failed. The message is one line: which server, what happened, what to do. */
export class ParameterServerError extends Error {
  override readonly name = 'ParameterServerError';

  constructor(
    /** gRPC's status code. */
    readonly code: status,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /**
   * Whether another process of the run may be the cause: the server was away or late, or a worker that the run needs is
   * lost. Otherwise the server refused this worker.
   */
  get isAbsence(): boolean {
    return passingCodes.has(this.code) || absences.has(this.code);
  }
}

/**
 * Returns whether the worker should rejoin and continue there: the server has moved, to another address or to another
 * point of the run.
 */
export function isPassing(error: unknown): boolean {
  return error instanceof ParameterServerError && passingCodes.has(error.code);
}

/**
 * Describes a call's failure. `server` is its address and shard, `path` gRPC's path, `deadlineSeconds` the call's time
 * limit.
 */
export function callError(
  server: string,
  path: string,
  deadlineSeconds: number,
  error: Pick<ServiceError, 'code' | 'details'>,
) {
  const method = path.slice(path.lastIndexOf('/') + 1);
  const { code, details } = error;
  const cause = new Error(`${status[code]}: ${details}`);
  const failed = (failure: status, reason: string) =>
    new ParameterServerError(failure, `parameter server ${server}: ${reason}`, { cause });
  if (code === status.DEADLINE_EXCEEDED) {
    const hint = 'are all workers running, and is the server overloaded?';
    return failed(code, `no answer to ${method} within ${deadlineSeconds} s; ${hint}`);
  }
  // A process that is killed may break its streams in the middle of a frame.
  const isCutOff = code === status.INTERNAL && /RST_STREAM|closed|reset/i.test(details);
  return failed(isCutOff ? status.UNAVAILABLE : code, details);
}
