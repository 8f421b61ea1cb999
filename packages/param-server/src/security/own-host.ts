/**
 * Guards what only this machine should read against DNS rebinding: a page of any site can have its own name mean 127.0.0.1, and
 * its browser then lets it read what answers there. Such a request names the site in `Host`.
 */
import { isIP } from 'node:net';
import { isLoopback } from './loopback.js';

/**
 * Whether a request means the server that got it. A server that other machines can reach answers to any name.
 * @param header the request's `Host`, which browsers always send
 * @param listensOn the address that the server listens on
 */
export function isOwnHost(header: string | undefined, listensOn: string): boolean {
  if (header === undefined || !isLoopback(listensOn)) return true;
  const host = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header);
  const name = (host?.[1] ?? host?.[2] ?? '').toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}

/** What is told to a request that means another server; its status is 421. */
export const foreignHost = 'this is another host; use the address 127.0.0.1 or the name localhost\n';
