/// <reference lib="esnext.disposable" preserve="true" />
/** `@unroll/param-server/client`: what a worker needs, without the servers and the engines of their updates. */

export type { ParameterClient } from './client/client.js';
export { connectParameterServers } from './client/connect.js';
export type {
  InitialValues,
  ParameterClientOptions,
  Snapshot,
  StartPoint,
  StepOptions,
  StepResult,
} from './client/options.js';
export type { SnapshotPolicy } from './client/resumption.js';
export {
  connectRunStatus,
  type RunStatus,
  type RunStatusReader,
  type ServerStatus,
  type WorkerStatus,
} from './client/run-status.js';
export type { GradientCodec } from './codecs/codec.js';
export { ParameterServerError } from './errors.js';
export { type ProcessUse, processUse } from './metrics/process-use.js';
export { WorkerMeter, type WorkerReport } from './metrics/worker-meter.js';
export type { ClientSecurity, ClientTls } from './security/client-security.js';
export type { LaneRange, Severity } from './shard/messages.js';
export type { GradientRows, NamedGradients } from './vectors/gradient-rows.js';
export type { LaneTable, ModelDescription, ParameterShape } from './vectors/model.js';
export type { NamedValues } from './vectors/shard-vector.js';
