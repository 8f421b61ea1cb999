/** Where the parameter servers of a run are. */
import { hostname } from 'node:os';
import { isLoopback } from '@unroll/param-server/config';

/**
 * Returns whether the address is a loopback address.
 * @param address `host:port`
 */
export function isOnThisMachine(address: string): boolean {
  return isLoopback(address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1'));
}

/** Returns a name that the workers of these servers share, and no other run. */
export function runOfServers(servers: readonly string[]): string {
  const machine = servers.some(isOnThisMachine) ? ` on ${hostname()}` : '';
  return `servers ${servers.join()}${machine}`;
}
