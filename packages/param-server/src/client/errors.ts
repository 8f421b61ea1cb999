/** What goes wrong between a worker and its servers, as the person who runs the worker should read it. */
import { type ServiceError, status } from '@grpc/grpc-js';

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
}

/** A call's failure in words. `server` is its address and shard, `path` gRPC's, `deadlineSeconds` what the call was given. */
export function callError(server: string, path: string, deadlineSeconds: number, error: ServiceError) {
  const method = path.slice(path.lastIndexOf('/') + 1);
  const { code, details } = error;
  return new ParameterServerError(code, `parameter server ${server}: ${reason(method, deadlineSeconds, error)}`, {
    cause: new Error(`${status[code]}: ${details}`),
  });
}

function reason(method: string, deadlineSeconds: number, { code, details }: ServiceError): string {
  if (code === status.DEADLINE_EXCEEDED) {
    return `no answer to ${method} within ${deadlineSeconds} s; are all workers running, and is the server overloaded?`;
  }
  // A server that refuses on purpose says why; what the transport says begins otherwise.
  if (code === status.UNAVAILABLE && /^(No connection|Connection dropped|read |.*ECONN)/.test(details)) {
    return `the connection was lost during ${method} (${details}); restart the run from its last checkpoint`;
  }
  return details;
}
