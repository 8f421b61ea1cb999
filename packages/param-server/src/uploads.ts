/** Vectors on their way from a worker: gathers the parts that arrive on several streams until the worker says it is done. */
import type { Caller } from './shard/messages.js';
import { Refusal } from './shard/refusal.js';
import { float32Bytes } from './shard-vector.js';

/** What a part belongs to. */
export interface UploadTarget {
  readonly caller: Caller;
  readonly step: number;
  readonly vector: string;
}

interface Upload {
  readonly target: UploadTarget;
  readonly values: Float32Array;
  /** Bytes received by the element at which a stream started, so that a repeated stream does not count twice. */
  readonly received: Map<number, number>;
}

export class Uploads {
  readonly #uploads = new Map<string, Upload>();
  readonly #spare: Float32Array[] = [];

  /** `length` is the number of elements of the shard's vector. */
  constructor(readonly length: number) {}

  /** Starts a stream of the target's bytes from element `start` on; the returned function takes them as they come. */
  begin(target: UploadTarget, start: number): (data: Uint8Array) => void {
    const { values, received } = this.#open(target);
    const bytes = float32Bytes(values);
    let next = start * 4;
    return (data) => {
      bytes.set(data, next);
      next += data.length;
      received.set(start, next - start * 4);
    };
  }

  /** Hands over the vector and forgets it; undefined unless all of it has arrived. */
  take(target: UploadTarget): Float32Array | undefined {
    if (this.length === 0) return new Float32Array(0);
    const upload = this.#uploads.get(key(target));
    if (!upload || !isSame(upload.target, target)) return undefined;
    const bytes = [...upload.received.values()].reduce((sum, count) => sum + count, 0);
    if (bytes !== upload.values.byteLength) return undefined;
    this.#uploads.delete(key(target));
    return upload.values;
  }

  /** Takes back a vector that was handed over and is used no more, for the next upload to be written into. */
  recycle(values: Float32Array): void {
    this.#spare.push(values);
  }

  /** A worker has one upload of each vector at a time: a newer one replaces what an interrupted one left. */
  #open(target: UploadTarget): Upload {
    const current = this.#uploads.get(key(target));
    if (current && isSame(current.target, target)) return current;
    if (current && current.target.caller.incarnation > target.caller.incarnation) {
      throw new Refusal('failed-precondition', `worker ${target.caller.worker} has been replaced by a newer process`);
    }
    const upload = {
      target,
      values: this.#spare.pop() ?? new Float32Array(this.length),
      received: new Map<number, number>(),
    };
    this.#uploads.set(key(target), upload);
    return upload;
  }
}

function key({ caller, vector }: UploadTarget): string {
  return `${caller.worker}/${vector}`;
}

function isSame(a: UploadTarget, b: UploadTarget): boolean {
  return a.caller.incarnation === b.caller.incarnation && a.step === b.step;
}
