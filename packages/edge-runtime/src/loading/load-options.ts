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
  /**
   * Where ONNX Runtime Web's module is, for models that need it: `ort.wasm.bundle.min.mjs` or, for `webgpu`,
   * `ort.jspi.bundle.min.mjs`, with its `.wasm` file beside it. Default: the installed package, as the page's bundler delivers it.
   */
  readonly onnxRuntime?: string | URL | undefined;
  /**
   * The hash that manifest.json must have, `sha256-…` in base64 as for scripts. It pins the whole bundle, since the
   * manifest has the hashes of the other files; by default the bundle's server is trusted.
   */
  readonly integrity?: string | undefined;
}
