/** The options for loading a model. */
import type { LoadProgress } from '../bundle/read-bundle.js';
import type { Device } from './device.js';

export interface LoadOptions {
  /** The device to run on; default `wasm`. If it is missing, `wasm` is used, and the model's `device` says why. */
  readonly device?: Device | undefined;
  /** Called as the bundle's files arrive. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Aborting ends the loading and throws the signal's reason. Partial downloads are not kept. */
  readonly signal?: AbortSignal | undefined;
  /** Whether browsers store the bundle, to start without the network next time; default true. Node stores nothing. */
  readonly cache?: boolean | undefined;
  /**
   * The address of ONNX Runtime Web's module, for models that need it: `ort.wasm.bundle.min.mjs` or, for `webgpu`,
   * `ort.jspi.bundle.min.mjs`, with its `.wasm` file beside it. Default: the installed package, as the page's bundler
   * delivers it.
   */
  readonly onnxRuntime?: string | URL | undefined;
  /**
   * The required hash of manifest.json, `sha256-…` in base64 as for scripts. It pins the whole bundle, because the
   * manifest has the hashes of the other files. By default the bundle's server is trusted.
   */
  readonly integrity?: string | undefined;
}
