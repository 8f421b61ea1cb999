/// <reference lib="esnext.disposable" preserve="true" />
/** `@unroll/param-server/server`: servers that hold the parameters of a training run. */
import './no-telemetry.js';

export type { ServerSecurity, ServerTls } from './security/server-security.js';
export {
  type ParameterServer,
  type ParameterServerOptions,
  type ServerEnd,
  type SnapshotOptions,
  startParameterServer,
} from './server/start.js';
export { removeReplacedSince } from './snapshots/snapshot-folder.js';
