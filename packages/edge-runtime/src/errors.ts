/** The errors that loading and using a bundle raise. Cancelling raises the abort signal's own reason instead. */

/** What went wrong, for programs; the message says it for people. */
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

/** A bundle that cannot be used. Its message is one line that names the file and the remedy. */
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
