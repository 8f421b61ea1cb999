/**
 * Heartbeats from a thread of their own, over connections of their own: a training step blocks the thread that runs it,
 * for longer than a lease if the model is large. The thread's program is `heartbeat-thread.mjs`.
 */
import { Worker } from 'node:worker_threads';
import type { ClientOptions } from '@grpc/grpc-js';
import type { ClientSecurity } from '../security/client-security.js';
import { directChannel } from './direct-channel.js';
import { reportFields, type WorkerMeter } from './worker-meter.js';

/** What a shard says to a heartbeat; undefined if it does not know the worker, because it was restarted. */
export interface Beat {
  readonly shard: number;
  readonly place: { readonly generation: number; readonly lease: number } | undefined;
}

/** Tells the servers again and again that the worker is alive, until the function that is returned is called. */
export type StartHeartbeats = (intervalSeconds: number, onBeat: (beat: Beat) => void) => () => void;

/**
 * A machine that vanishes says nothing, and may come back at another address: pings without an answer end its connection, so
 * that the next beats look for it anew. A server that is stopped or slow is connected to again, and heard when it goes on.
 */
const channelOptions = (intervalSeconds: number): ClientOptions => ({
  ...directChannel,
  'grpc.keepalive_time_ms': 2 * 1000 * intervalSeconds,
  'grpc.keepalive_timeout_ms': 6 * 1000 * intervalSeconds,
  // A beat is given up before its connection is.
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
      // Not this process's flags, which may be about its own program.
      execArgv: [],
    });
    thread.on('message', onBeat);
    thread.unref();
    return () => void thread.terminate();
  };
}
