/** `@unroll/param-server/config`: what checks flags and addresses, without gRPC, TensorFlow.js and ONNX Runtime. */
// A command that loads ONNX Runtime later has loaded this before.
import './no-telemetry.js';

export { createGuardedServer, type HttpLimits } from './security/guarded-http.js';
export { isLoopback } from './security/loopback.js';
export { foreignHost, isOwnHost } from './security/own-host.js';
export { RefusalLog } from './security/refusal-log.js';
export { addressFault } from './server-address.js';
export { fewestSnapshots } from './snapshots/fewest-snapshots.js';
export { Waits } from './waits.js';
