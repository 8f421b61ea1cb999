/** Parses the parameter servers of a run from flags and schedulers. */
import { addressFault } from '@unroll/param-server/config';
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
