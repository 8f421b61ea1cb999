/** The errors of loading and using a bundle. Cancelling throws the abort signal's own reason instead. */

/** Machine-readable kind of the error; the message describes it for people. */
export type BundleErrorCode =
  | 'file-missing'
  | 'unreachable'
  | 'file-truncated'
  | 'file-altered'
  | 'manifest-invalid'
  | 'version-unsupported'
  | 'model-invalid'
  | 'tokenizer-invalid'
  | 'insecure-context'
  | 'worker-failed'
  | 'wasm-unavailable'
  | 'onnxruntime-missing'
  | 'storage-failed'
  | 'state-foreign'
  | 'not-personalizable'
  | 'gateway-refused';

/** Thrown for a bundle that cannot be used. The message is one line that names the file and the remedy. */
export class BundleError extends Error {
  override readonly name = 'BundleError';

  constructor(
    readonly code: BundleErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
