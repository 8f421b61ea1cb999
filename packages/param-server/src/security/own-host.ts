/**
 * Guards data that only this machine should read against DNS rebinding. A page of any site can point its own name to
 * 127.0.0.1, and the browser then lets it read the answers from there. Such a request names the site in `Host`.
 */
import { isIP } from 'node:net';
import { isLoopback } from './loopback.js';

/**
 * Returns whether a request is meant for the server that received it. A server that other machines can reach answers to
 * any name.
 * @param header the request's `Host`, which browsers always send
 * @param listensOn the address that the server listens on
 */
export function isOwnHost(header: string | undefined, listensOn: string): boolean {
  if (header === undefined || !isLoopback(listensOn)) return true;
  const host = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header);
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}

/** The answer to a request meant for another server; its status is 421. */
export const foreignHost = 'this is another host; use the address 127.0.0.1 or the name localhost\n';
