/**
 * Waits until a channel to a server is connected. grpc-js's `waitForReady` is unsuitable: it continues after the
 * channel is closed, and keeps the process alive until its deadline.
 */
import { type Channel, connectivityState } from '@grpc/grpc-js';

/** A watch on a channel cannot be cancelled. One this short delays no process's exit noticeably. */
const watchMilliseconds = 1000;

export type WatchedChannel = Pick<Channel, 'getConnectivityState' | 'watchConnectivityState'>;

/**
 * Returns false if the channel is not connected after `seconds`.
 * @throws the signal's reason when it aborts; abort it before closing the channel
 */
export async function becomesReady(channel: WatchedChannel, seconds: number, signal: AbortSignal): Promise<boolean> {
  // Do not measure by the wall clock, which may be set meanwhile. gRPC turns its deadlines into timers at once.
  const end = performance.now() + 1000 * seconds;
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done);
      channel.watchConnectivityState(state, Date.now() + Math.min(left, watchMilliseconds), done);
    });
  }
}
