/** Vectors on their way from a worker: gathers the chunks of a stream until the stream has ended. */
import type { Caller } from './shard/messages.js';
import { Refusal } from './shard/refusal.js';
import { type Chunk, float32Bytes, piecesOf } from './shard-vector.js';

/** What an upload is. */
export interface UploadTarget {
  readonly caller: Caller;
  readonly step: number;
  readonly vector: string;
}

interface Upload {
  readonly target: UploadTarget;
  readonly values: Float32Array;
  isComplete: boolean;
}

/** Where a stream's chunks go. What no chunk covers is zero. */
export interface UploadStream {
  take(chunk: Chunk): void;
  end(): void;
}

/** The lengths of a shard's vectors, in elements. */
export interface VectorLengths {
  /** Of the parameters, the gradient and each of the optimizer's slots. */
  readonly parameters: number;
  /** Of the table of the lanes' states. */
  readonly lanes: number;
}

export class Uploads {
  readonly #lengths: VectorLengths;
  readonly #uploads = new Map<string, Upload>();
  readonly #spare = new Map<number, Float32Array[]>();

  constructor(lengths: VectorLengths) {
    this.#lengths = lengths;
  }

  /** Starts the upload of a vector, from nothing if an earlier stream of it was cut off. */
  begin(target: UploadTarget): UploadStream {
    const upload = this.#open(target);
    const bytes = float32Bytes(upload.values);
    bytes.fill(0);
    return {
      take: (chunk) => {
        for (const { offset, data } of piecesOf(chunk)) bytes.set(data, offset * 4);
      },
      end: () => {
        upload.isComplete = true;
      },
    };
  }

  /** Hands over the vector and forgets it; undefined unless all of it has arrived. */
  take(target: UploadTarget): Float32Array | undefined {
    if (this.#lengthOf(target) === 0) return new Float32Array(0);
    const upload = this.#uploads.get(key(target));
    if (!upload?.isComplete || !isSame(upload.target, target)) return undefined;
    this.#uploads.delete(key(target));
    return upload.values;
  }

  /** Takes back a vector that was handed over and is used no more, for the next upload to be written into. */
  recycle(values: Float32Array): void {
    if (values.length === 0) return;
    const spare = this.#spare.get(values.length) ?? [];
    this.#spare.set(values.length, spare);
    spare.push(values);
  }

  /** A worker has one upload of each vector at a time: a newer one replaces what an interrupted one left. */
  #open(target: UploadTarget): Upload {
    const current = this.#uploads.get(key(target));
    if (current && current.target.caller.incarnation > target.caller.incarnation) {
      throw new Refusal('failed-precondition', `worker ${target.caller.worker} has been replaced by a newer process`);
    }
    const length = this.#lengthOf(target);
    // Not the interrupted upload's: a stream that still runs may write into it.
    const values = this.#spare.get(length)?.pop() ?? new Float32Array(length);
    const upload = { target, values, isComplete: false };
    this.#uploads.set(key(target), upload);
    return upload;
  }

  #lengthOf({ vector }: UploadTarget): number {
    return vector === 'lanes' ? this.#lengths.lanes : this.#lengths.parameters;
  }
}

function key({ caller, vector }: UploadTarget): string {
  return `${caller.worker}/${vector}`;
}

function isSame(a: UploadTarget, b: UploadTarget): boolean {
  return (
    a.caller.incarnation === b.caller.incarnation &&
    a.caller.generation === b.caller.generation &&
    a.caller.lease === b.caller.lease &&
    a.step === b.step
  );
}
