/**
 * Waits until a channel to a server is connected. grpc-js's `waitForReady` does not serve: it goes on when the channel is closed,
 * and keeps the process alive until its deadline.
 */
import { type Channel, connectivityState } from '@grpc/grpc-js';

/** A watch on a channel cannot be ended; one of this length keeps nobody. */
const watchMilliseconds = 1000;

/**
 * Returns false if the channel is not connected after so many seconds.
 * @throws the signal's reason when it aborts; it must, before the channel is closed
 */
export async function becomesReady(
  channel: Pick<Channel, 'getConnectivityState' | 'watchConnectivityState'>,
  seconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  // Not by the clock of the day, which may be set meanwhile; gRPC makes a timer of its deadlines at once.
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
