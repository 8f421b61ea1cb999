/** `@unroll/param-server`: servers that hold the parameters of a training run, and the client that its workers hold. */
export {
  connectParameterServers,
  type InitialValues,
  ParameterClient,
  type ParameterClientOptions,
  type Snapshot,
  type StepOptions,
} from './client/client.js';
export { ParameterServerError } from './client/errors.js';
export type { ModelDescription, ParameterShape } from './model.js';
export { type ParameterServer, type ParameterServerOptions, startParameterServer } from './server.js';
export type { NamedValues } from './shard-vector.js';
