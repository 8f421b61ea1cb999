/**
 * Bounds how fast one connection may call. A worker makes five calls a step, one after the other; a client that makes
 * thousands a second is broken or hostile, and its connection ends. gRPC then connects anew, which slows it down.
 */
import { constants, type ServerHttp2Session } from 'node:http2';
import type { RefusalLog } from './refusal-log.js';

/** A worker's calls wait for each other, so that it cannot come near. */
const callsPerSecond = 5000;
/** What may come at once after a pause. */
const burst = 2000;

/** Ends the session, saying ENHANCE_YOUR_CALM, when it calls too fast. `now` tells the time in seconds from any origin. */
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

/** A bucket of calls that time fills. Times are in seconds from any origin. */
export class CallMeter {
  #left = burst;
  #filledAt: number;

  constructor(now: number) {
    this.#filledAt = now;
  }

  /** Whether one more call is in order. */
  admits(now: number): boolean {
    this.#left = Math.min(burst, this.#left + (now - this.#filledAt) * callsPerSecond);
    this.#filledAt = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
