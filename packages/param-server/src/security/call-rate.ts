/**
 * Limits the call rate of one connection. A worker makes five calls per step, one after the other. A client that makes
 * thousands per second is broken or hostile, and its connection ends. gRPC then reconnects, which slows it down.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import type { RefusalLog } from './refusal-log.js';

/** A worker cannot come near this, because its calls wait for each other. */
const callsPerSecond = 5000;
/** The number of calls that may come at once after a pause. */
const burst = 2000;

/**
 * Ends the session with ENHANCE_YOUR_CALM when it calls too fast. `now` returns the time in seconds from any origin.
 */
export function limitCallRate(
  session: ServerHttp2Session,
  refusals: RefusalLog,
  now = () => performance.now() / 1000,
): void {
  const meter = new CallMeter(now());
  const { remoteAddress = 'an unknown address' } = session.socket;
  session.on('stream', () => {
    if (meter.admits(now())) return;
    refusals.note('connection', `more than ${callsPerSecond} calls a second`, remoteAddress);
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  });
}

/** A token bucket of calls, refilled over time. Times are in seconds from any origin. */
export class CallMeter {
  #left = burst;
  #filledAt: number;

  constructor(now: number) {
    this.#filledAt = now;
  }

  /** Returns whether one more call is allowed. */
  admits(now: number): boolean {
    this.#left = Math.min(burst, this.#left + (now - this.#filledAt) * callsPerSecond);
    this.#filledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
