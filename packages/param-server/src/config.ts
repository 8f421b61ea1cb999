/**
 * `@unroll/param-server/config`: checks for flags and addresses, without loading gRPC, TensorFlow.js or ONNX Runtime.
 */
// Sets the variable before a command that imports this module loads ONNX Runtime.
import './no-telemetry.js';

export { addressFault } from './addresses/server-address.js';
export { defaultMaxParameters, mostMaxParameters } from './hosting/max-parameters.js';
export { isLocked, LockFile } from './locks/lock-file.js';
export { createGuardedServer } from './security/guarded-http.js';
export { isLoopback } from './security/loopback.js';
export { foreignHost, isOwnHost } from './security/own-host.js';
export { RefusalLog } from './security/refusal-log.js';
export { fewestSnapshots } from './snapshots/fewest-snapshots.js';
export { lately } from './time/lately.js';
export { counted, duration } from './time/quantities.js';
export { Waits } from './time/waits.js';
