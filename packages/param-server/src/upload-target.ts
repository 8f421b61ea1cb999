/** What an upload is said to be: of whom, of which step, of which vector. */
import type { Caller } from './shard/messages.js';

export interface UploadTarget {
  readonly caller: Caller;
  readonly step: number;
  readonly vector: string;
  /** Whether the bytes are a codec's, to be decoded when all have come; else they are the values of chunks. */
  readonly encoded?: boolean | null | undefined;
}

/** For messages. */
export function nameOf({ caller, step, vector }: UploadTarget): string {
  return `worker ${caller.worker}'s vector '${vector}' of step ${step}`;
}

/** Whether both are of the same process and step. */
export function isSame(a: UploadTarget, b: UploadTarget): boolean {
  return (
    a.caller.incarnation === b.caller.incarnation &&
    a.caller.generation === b.caller.generation &&
    a.caller.lease === b.caller.lease &&
    a.step === b.step
  );
}
