/** SHA-256 by WebCrypto, which browsers offer to pages of a secure origin only. */
import { BundleError } from '../errors.js';

/**
 * The SHA-256 of `bytes` as lower-case hexadecimal digits.
 * @throws BundleError `insecure-context` in a page that was not loaded over https or from localhost.
 */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto;
  if (!subtle) {
    throw new BundleError(
      'insecure-context',
      'this page cannot verify a bundle: browsers offer SHA-256 to secure pages only; serve it over https or from localhost',
    );
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
