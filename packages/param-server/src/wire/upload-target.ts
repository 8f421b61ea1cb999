/** The description of an upload: its caller, step and vector. */
import type { Caller } from '../shard/messages.js';

export interface UploadTarget {
  readonly caller: Caller;
  readonly step: number;
  readonly vector: string;
  /**
   * Whether the bytes come from a codec and are decoded when all have arrived; otherwise they are the values of chunks.
   */
  readonly encoded?: boolean | null | undefined;
}

/** Returns the upload's name for messages. */
export function nameOf({ caller, step, vector }: UploadTarget): string {
  return `worker ${caller.worker}'s vector '${vector}' of step ${step}`;
}

/** Returns whether both come from the same process and step. */
export function isSame(a: UploadTarget, b: UploadTarget): boolean {
  return (
    a.caller.incarnation === b.caller.incarnation &&
    a.caller.generation === b.caller.generation &&
    a.caller.lease === b.caller.lease &&
    a.step === b.step
  );
}
