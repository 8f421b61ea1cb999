/**
 * Waits until a channel to a server is connected. grpc-js's `waitForReady` is unsuitable: it continues after the
 * channel is closed, and keeps the process alive until its deadline.
 */
import { type Channel, connectivityState } from '@grpc/grpc-js';

/** A watch on a channel cannot be cancelled. One this short delays no process's exit noticeably. */
const watchSeconds = 1;

export type WatchedChannel = Pick<Channel, 'getConnectivityState' | 'watchConnectivityState'>;

/**
 * Returns false if the channel is not connected after `seconds`.
 * @param now returns the time in seconds from any origin; not the wall clock's, which may be set meanwhile
 * @throws the signal's reason when it aborts; abort it before closing the channel
 */
export async function becomesReady(
  channel: WatchedChannel,
  seconds: number,
  signal: AbortSignal,
  now: () => number,
): Promise<boolean> {
  const end = now() + seconds;
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    const left = end - now();
    if (left <= 0) return false;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done);
      // gRPC turns this time of the wall clock into a timer at once.
      channel.watchConnectivityState(state, Date.now() + 1000 * Math.min(left, watchSeconds), done);
    });
  }
}
