/**
 * Starts a worker from the script that the package contains as text. The content security policy must allow `worker-src
 * blob:`.
 */
import { embeddedWorker } from '../generated/embedded-worker.js';
import type { DeviceName } from '../loading/device.js';

let address: string | undefined;

export function startEmbedded(device: DeviceName): Worker {
  address ??= URL.createObjectURL(new Blob([embeddedWorker], { type: 'text/javascript' }));
  return new Worker(address, { type: 'module', name: device });
}
