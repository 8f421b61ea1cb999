/** SHA-256 by WebCrypto, which browsers offer only to pages from a secure origin. */
import { BundleError } from '../errors.js';

/**
 * The SHA-256 of `bytes` as lower-case hexadecimal digits.
 * @throws BundleError `insecure-context` in a page that was not loaded over https or from localhost.
 */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Array.from(await digest(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The SHA-256 of `bytes` in the form that pages use for scripts (https://www.w3.org/TR/SRI): `sha256-` and base64.
 * @throws BundleError `insecure-context`
 */
export async function integrityOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256-${btoa(String.fromCharCode(...(await digest(bytes))))}`;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  if (!subtle) {
    throw new BundleError(
      'insecure-context',
      'this page cannot verify a bundle: browsers offer SHA-256 to secure pages only; serve it over https or from localhost',
    );
  }
  return new Uint8Array(await subtle.digest('SHA-256', bytes));
}
