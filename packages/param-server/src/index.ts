/// <reference lib="esnext.disposable" preserve="true" />
/** `@unroll/param-server`: servers that hold the parameters of a training run, and the client for its workers. */
import './no-telemetry.js';

export type { ParameterClient } from './client/client.js';
export { connectParameterServers } from './client/connect.js';
export { ParameterServerError } from './client/errors.js';
export type { GradientRows, NamedGradients } from './client/gradient-rows.js';
export type {
  InitialValues,
  ParameterClientOptions,
  RunStart,
  Snapshot,
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
export { WorkerMeter, type WorkerReport } from './client/worker-meter.js';
export type { GradientCodec } from './codecs/codec.js';
export type { LaneTable, ModelDescription, ParameterShape } from './model.js';
export type { ClientSecurity, ClientTls } from './security/client-security.js';
export type { ServerSecurity, ServerTls } from './security/server-security.js';
export {
  type ParameterServer,
  type ParameterServerOptions,
  type ServerEnd,
  type SnapshotOptions,
  startParameterServer,
} from './server.js';
export type { LaneRange, Severity } from './shard/messages.js';
export type { NamedValues } from './shard-vector.js';
export { removeReplacedSince } from './snapshots/snapshot-folder.js';
