/** The options of loading a model. */
import type { LoadProgress } from '../bundle/read-bundle.js';
import type { Device } from './device.js';

export interface LoadOptions {
  /** What the model runs on; default `wasm`. Where the device is missing it is `wasm` too, and `device` says why. */
  readonly device?: Device | undefined;
  /** Called as the bundle's files arrive. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Ends the loading with the signal's reason. Nothing half-downloaded is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Whether browsers keep the bundle, to start from it without the network; default true. Node keeps nothing. */
  readonly cache?: boolean | undefined;
}
