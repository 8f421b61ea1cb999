/** Creates a parameter client over a real network. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { addressFault } from '../addresses/server-address.js';
import { WorkerMeter } from '../metrics/worker-meter.js';
import { Waits } from '../time/waits.js';
import { ParameterClient } from './client.js';
import { heartbeatThread } from './heartbeats.js';
import { MeteredConnection } from './metered-connection.js';
import type { ParameterClientOptions } from './options.js';

/**
 * Connects to the parameter servers of a run. Sends them no request before {@link ParameterClient.enter}.
 * @throws RangeError if an address is invalid; ParameterServerError if the certificates cannot be used
 * @example
 * const client = connectParameterServers({ serverAddresses, worker: 0, workers: 2, version, start, ...model });
 * await client.enter(parameters);
 * do {
 *   while (client.step < steps) {
 *     const { gradients, laneStates } = await compute(parameters, client);
 *     await client.update({ gradients, learningRate, laneStates });
 *   }
 * } while (!(await client.finish()));
 * await client.close();
 */
export function connectParameterServers(
  given: ParameterClientOptions | FormerAddresses<ParameterClientOptions>,
): ParameterClient {
  const options: ParameterClientOptions = 'servers' in given ? { ...given, serverAddresses: given.servers } : given;
  const { serverAddresses, worker, security = {}, callSeconds = 600, patienceSeconds } = options;
  const { serverTimeoutSeconds = patienceSeconds ?? 600 } = options;
  const incarnation = randomIncarnation();
  const { meter = new WorkerMeter(), onNotice = () => undefined } = options;
  if ('servers' in given) onNotice('servers: is now serverAddresses; give that name', 'warning');
  if (patienceSeconds !== undefined) {
    onNotice('patienceSeconds: is now serverTimeoutSeconds; give that name', 'warning');
  }
  for (const address of serverAddresses) {
    const fault = addressFault(address);
    if (fault) throw new RangeError(`serverAddresses: '${address}' ${fault}`);
  }
  const shards = serverAddresses.length;
  const onObstacle = (line: string) => onNotice(line, 'warning');
  const waits = new Waits((line) => onNotice(line, 'info'));
  return new ParameterClient(options, {
    incarnation,
    connections: serverAddresses.map(
      (address, shard) =>
        new MeteredConnection(
          { address, shard, shards, security, callSeconds, patienceSeconds: serverTimeoutSeconds, onObstacle, waits },
          meter,
        ),
    ),
    startHeartbeats: heartbeatThread(serverAddresses, { worker, incarnation }, security, meter),
    sleep: (seconds) => sleep(seconds * 1000),
  });
}

/** Options with the former name of `serverAddresses`. */
type FormerAddresses<Options> = Omit<Options, 'serverAddresses'> & { readonly servers: readonly string[] };

/** Returns 48 random bits, a number that no other process has. */
function randomIncarnation(): number {
  return randomBytes(6).readUIntBE(0, 6);
}
