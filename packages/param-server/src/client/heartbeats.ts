/**
 * Sends heartbeats from a separate thread, over separate connections. A training step blocks its own thread, for longer
 * than a lease if the model is large. The thread's program is `heartbeat-thread.mjs`.
 */
import { Worker } from 'node:worker_threads';
import type { ClientOptions } from '@grpc/grpc-js';
import { reportFields, type WorkerMeter } from '../metrics/worker-meter.js';
import type { ClientSecurity } from '../security/client-security.js';
import { directChannel } from './direct-channel.js';

/**
 * A shard's answer to a heartbeat. `place` is undefined if the shard does not know the worker because it was restarted.
 */
export interface Beat {
  readonly shard: number;
  readonly place: { readonly generation: number; readonly lease: number } | undefined;
}

/** Tells the servers repeatedly that the worker is alive, until the returned function is called. */
export type StartHeartbeats = (intervalSeconds: number, onBeat: (beat: Beat) => void) => () => void;

/**
 * A machine that vanishes is silent and may come back at another address. Unanswered pings end its connection, so that
 * the next beats resolve the address again. A stopped or slow server is reconnected to, and heard when it goes on.
 */
const channelOptions = (intervalSeconds: number): ClientOptions => ({
  ...directChannel,
  'grpc.keepalive_time_ms': 2 * 1000 * intervalSeconds,
  'grpc.keepalive_timeout_ms': 6 * 1000 * intervalSeconds,
  // A beat times out before its connection does.
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
});

export function heartbeatThread(
  servers: readonly string[],
  caller: { readonly worker: number; readonly incarnation: number },
  security: ClientSecurity,
  { counts }: WorkerMeter,
): StartHeartbeats {
  return (intervalSeconds, onBeat) => {
    const thread = new Worker(new URL('./heartbeat-thread.mjs', import.meta.url), {
      workerData: {
        ...{ servers, caller, security, intervalSeconds, counts, reportFields },
        channelOptions: channelOptions(intervalSeconds),
      },
      // Do not inherit this process's flags, which may concern its own program.
      execArgv: [],
    });
    thread.on('message', onBeat);
    thread.unref();
    return () => void thread.terminate();
  };
}
