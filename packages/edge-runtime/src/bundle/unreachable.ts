/**
 * Finds out why a file cannot be fetched. Browsers tell scripts only "Failed to fetch". The cause follows from the kind
 * of page, reports of its content security policy, and one more request.
 */
import { BundleError } from '../errors.js';
import type { Violation } from './policy.js';

/** Creates the error for a failed `fetch` of `address`; messages call it `file`. */
export async function unreachable(
  address: string,
  file: string,
  cause: unknown,
  violations: readonly Violation[],
): Promise<BundleError> {
  const remedy = await remedyFor(new URL(address), cause, violations);
  return new BundleError('unreachable', `${file}: cannot be fetched; ${remedy}`, { cause });
}

async function remedyFor(url: URL, cause: unknown, violations: readonly Violation[]): Promise<string> {
  const { location, navigator, origin } = globalThis;
  if (!/^(?:https?|file):$/.test(url.protocol)) {
    return `nothing is fetched from ${url.protocol} addresses here; give one of http or https (${reasonOf(cause)})`;
  }
  if (!location) return `check the address and the connection (${reasonOf(cause)})`;
  if (violations.some(({ directive, blocked }) => directive === 'connect-src' && blocked.startsWith(url.origin))) {
    const source = url.origin === location.origin ? "'self'" : url.origin;
    return `the content security policy forbids it: allow ${source} in connect-src`;
  }
  if (!/^https?:$/.test(url.protocol)) {
    return `browsers fetch nothing from ${url.protocol} addresses; open the page from a web server`;
  }
  if (location.protocol === 'https:' && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return 'a page of https may not fetch from http; serve the bundle over https';
  }
  if (navigator?.onLine === false) return 'this device is offline, and has no copy of the bundle; connect it';
  if (await redirects(url)) {
    return 'it redirects to an address that does not answer or that this page may not read; check where the server redirects to';
  }
  if (url.origin !== origin && (await answers(url))) {
    const reader = origin === 'null' ? 'a sandboxed frame' : origin;
    return `its server does not let ${reader} read it; send the header access-control-allow-origin (CORS)`;
  }
  return `${url.origin} does not answer; check the connection and the server`;
}

function isLoopback(hostname: string): boolean {
  return /^((.*\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** Whether the server answers at all; the answer itself stays hidden. */
function answers(url: URL): Promise<boolean> {
  return fetch(url, { method: 'HEAD', mode: 'no-cors', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
}

/** Whether the server answers with a redirect to another address. */
function redirects(url: URL): Promise<boolean> {
  return fetch(url, { method: 'HEAD', redirect: 'manual', cache: 'no-store' }).then(
    ({ type }) => type === 'opaqueredirect',
    () => false,
  );
}

/** The message of the failure; Node puts it in the cause of the error. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
}
