/** The interface between a shard's host and those who count what it does. */
import type { ShardEffect, UnnumberedRequest } from '../shard/messages.js';

/** Called for the events of a shard. */
export interface ShardWatcher {
  asked(request: UnnumberedRequest): void;
  /** @param seconds how long the effect held this thread */
  did(effect: ShardEffect, seconds: number): void;
  /** A snapshot has been written to disk. */
  wroteSnapshot(step: number): void;
  /** A snapshot has been read, to continue from it. */
  readSnapshot(step: number): void;
  /** A snapshot could not be written or read. */
  failedSnapshot(operation: 'read' | 'write'): void;
}
