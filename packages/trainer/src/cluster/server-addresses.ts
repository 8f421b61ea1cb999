/** The parameter servers of a run, as flags and schedulers tell of them. */
import { addressFault } from '@unroll/param-server/config';
import { UsageError } from '../errors.js';

/** The servers of a list such as `ps0:7000,ps1:7000`, by shard. @throws UsageError naming the one that is no address */
export function parseServerAddresses(list: string): readonly string[] {
  return checkedServers(list.split(','), '--server-addresses');
}

/**
 * @param source what told of these servers: a flag or a variable
 * @throws UsageError naming the source and the one that is no address, or is told twice
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
