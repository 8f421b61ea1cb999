/** The addresses of a run's parameter servers: parses them from flags and schedulers, and tells where they are. */
import { hostname } from 'node:os';
import { addressFault, isLoopback } from '@unroll/param-server/config';
import { UsageError } from '../errors.js';

/**
 * Parses the servers of a list such as `ps0:7000,ps1:7000`, by shard.
 * @throws UsageError naming the first invalid address
 */
export function parseServerAddresses(list: string): readonly string[] {
  return checkedServers(list.split(','), '--server-addresses');
}

/**
 * @param source the flag or variable that lists these servers
 * @throws UsageError naming the source and an address that is invalid or listed twice
 */
export function checkedServers(servers: readonly string[], source: string): readonly string[] {
  for (const [shard, server] of servers.entries()) {
    const fault = addressFault(server);
    if (fault) throw new UsageError(`${source}: '${server}' ${fault}`);
    if (servers.indexOf(server) < shard) {
      throw new UsageError(`${source}: ${server} is there twice; each server has an address of its own`);
    }
  }
  return servers;
}

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
