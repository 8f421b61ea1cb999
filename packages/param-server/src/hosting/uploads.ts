/**
 * Receives vectors from workers: gathers the chunks of a stream until it ends. The data is not trusted: a chunk must
 * lie within its vector and be finite, or its upload is refused. A worker has one upload of each vector at a time. So
 * it cannot make a shard hold more than the vectors that the shard knows.
 */

import { EncodedVector } from '../codecs/encoded-vector.js';
import { Refusal } from '../shard/refusal.js';
import { diverged } from '../shard/steps.js';
import { RowUploads, type UploadedRows } from '../tables/row-uploads.js';
import { type LongWork, onePiece } from '../time/long-work.js';
import { type ByteSink, gathering } from '../vectors/byte-sink.js';
import { chunkWriter } from '../vectors/chunk-writer.js';
import type { ShardLayout } from '../vectors/partition.js';
import type { Chunk } from '../vectors/shard-vector.js';
import { RangeList, type SparseVector, sumOfSquaresWithin, unionOf, withZeros } from '../vectors/sparse-vector.js';
import { isSame, nameOf, type UploadTarget } from '../wire/upload-target.js';

/**
 * How often an upload may go back behind chunks that have already arrived: a client sends values that are computed
 * later after the rest.
 */
const mostTurns = 1024;

interface Upload {
  readonly target: UploadTarget;
  /** Holds an earlier vector's values, except where chunks have overwritten them. */
  readonly values: Float32Array;
  /** Whether the memory has held no earlier vector. */
  readonly isFresh: boolean;
  /** Lists of ranges; a new list begins when a chunk begins before the end of the last list. */
  written: RangeList[];
  /** The sum of squares of all chunks that have arrived. */
  sumOfSquares: number;
  state: 'arriving' | 'complete' | 'replaced';
}

/** A gradient that has arrived, without the zeros that did not travel. */
export interface UploadedGradient {
  readonly gradient: SparseVector;
  /** At least the gradient's sum of squares; more if chunks lay on each other. */
  readonly sumOfSquares: number;
}

/** The receiver of a stream's chunks. Elements that no chunk covers are zero. */
export interface UploadStream {
  /**
   * Starts a chunk whose data arrives in pieces.
   * @throws Refusal if the chunk does not fit, is not finite, or a newer upload has replaced this one: now, or from the
   *   sink
   */
  begin(offsets: readonly number[], byteLength: number): ByteSink;
  /** Takes a whole chunk. @throws Refusal in the same cases as {@link begin} */
  take(chunk: Chunk): void;
  /**
   * Decodes an encoded vector.
   * @throws Refusal if it cannot be decoded or is not finite, or if a newer upload has replaced this one
   */
  end(): LongWork;
}

/** The vectors that workers may send. */
export interface UploadableVectors {
  /** Their lengths in elements, by name. */
  readonly lengths: ReadonlyMap<string, number>;
  /** The layout of all vectors except the table of lane states. */
  readonly layout: ShardLayout;
}

export class Uploads {
  readonly #vectors: UploadableVectors;
  readonly #uploads = new Map<string, Upload>();
  readonly #rows: RowUploads;
  readonly #spare = new Map<number, Float32Array[]>();

  constructor(vectors: UploadableVectors) {
    this.#vectors = vectors;
    this.#rows = new RowUploads(vectors.layout);
  }

  /**
   * Starts the upload of a vector, from nothing if an earlier stream of it was cut off.
   * @throws Refusal if there is no such vector
   */
  begin(target: UploadTarget): UploadStream {
    if (target.vector === 'rows') return this.#gatheringRows(target);
    const upload = this.#open(target);
    return target.encoded ? this.#decoding(upload) : this.#writing(upload);
  }

  #gatheringRows(target: UploadTarget): UploadStream {
    const rows = this.#rows.begin(target);
    return gatheringChunks({ take: rows.take, end: () => onePiece(rows.end) });
  }

  #writing(upload: Upload): UploadStream {
    const { target, values } = upload;
    let elements = 0;
    const begin = (offsets: readonly number[], byteLength: number) => {
      elements += byteLength / 4;
      if (!fits(offsets, byteLength, values.length) || elements > values.length) {
        throw new Refusal(
          'failed-precondition',
          `${nameOf(target)} has ${values.length} elements, but the upload goes beyond; use a client of this version`,
        );
      }
      const written = (from: number, to: number) => this.#note(upload, from, to);
      return chunkWriter(values, { offsets, byteLength }, () => requireCurrent(upload), written);
    };
    return {
      begin,
      take: ({ offsets, data }) => {
        const sink = begin(offsets, data.length);
        sink.write(data);
        sink.end();
      },
      end: () =>
        onePiece(() => {
          if (upload.state === 'arriving') upload.state = 'complete';
        }),
    };
  }

  /** Gathers a gradient that a codec has encoded. */
  #decoding(upload: Upload): UploadStream {
    const { target, values } = upload;
    if (target.vector !== 'gradient') {
      throw new Refusal('failed-precondition', `${nameOf(target)} is encoded; only gradients may be`);
    }
    const encoded = new EncodedVector(this.#vectors.layout);
    const written = (from: number, to: number) => this.#note(upload, from, to);
    return gatheringChunks({
      take: ({ offsets, data }) => {
        requireCurrent(upload);
        if (offsets.length > 0) {
          const message = `${nameOf(target)} is encoded, but has offsets; use a client of this version`;
          throw new Refusal('failed-precondition', message);
        }
        encoded.take(data);
      },
      *end() {
        if (upload.state !== 'arriving') return;
        const decoding = encoded.decode(values, written);
        while (!decoding.next().done) {
          yield;
          // Another upload to the same memory may have begun meanwhile.
          requireCurrent(upload);
        }
        upload.state = 'complete';
      },
    });
  }

  /** Returns whether the whole vector has arrived. */
  has(target: UploadTarget): boolean {
    if (target.vector === 'rows') return this.#rows.has(target);
    return this.#lengthOf(target) === 0 || this.#completed(target) !== undefined;
  }

  #completed(target: UploadTarget): Upload | undefined {
    const upload = this.#uploads.get(key(target));
    return upload?.state === 'complete' && isSame(upload.target, target) ? upload : undefined;
  }

  /** Hands over the vector and forgets it; undefined unless all of it has arrived. */
  take(target: UploadTarget): Float32Array | undefined {
    const isFresh = this.#uploads.get(key(target))?.isFresh ?? true;
    const vector = this.takeGradient(target)?.gradient;
    // Fresh memory is zero already. Writing zeros to it would take the memory, which the upload may hardly have used.
    return isFresh ? vector?.values : vector && withZeros(vector);
  }

  /** Same as {@link take}, but without writing the zeros that did not travel. */
  takeGradient(target: UploadTarget): UploadedGradient | undefined {
    if (this.#lengthOf(target) === 0) {
      return { gradient: { values: new Float32Array(0), ranges: [] }, sumOfSquares: 0 };
    }
    const upload = this.#completed(target);
    if (!upload) return undefined;
    this.#uploads.delete(key(target));
    const gradient = { values: upload.values, ranges: unionOf(upload.written).ranges };
    return { gradient, sumOfSquares: upload.sumOfSquares };
  }

  /** Same as {@link take}, for the table rows of a gradient. */
  takeRows(target: UploadTarget): UploadedRows | undefined {
    return this.#rows.take(target);
  }

  /** Takes back a vector that is no longer used, so that the next upload can be written into it. */
  recycle(values: Float32Array): void {
    if (values.length === 0) return;
    const spare = this.#spare.get(values.length) ?? [];
    this.#spare.set(values.length, spare);
    spare.push(values);
  }

  /** Opens an upload; it replaces an earlier, interrupted one. */
  #open(target: UploadTarget): Upload {
    const length = this.#lengthOf(target);
    const current = this.#uploads.get(key(target));
    if (current) current.state = 'replaced';
    const used = current?.values ?? this.#spare.get(length)?.pop();
    const upload: Upload = {
      target,
      values: used ?? new Float32Array(length),
      isFresh: used === undefined,
      written: [new RangeList()],
      sumOfSquares: 0,
      state: 'arriving',
    };
    this.#uploads.set(key(target), upload);
    return upload;
  }

  /** Notes that the elements `[from, to)` have arrived. */
  #note(upload: Upload, from: number, to: number): void {
    upload.sumOfSquares += this.#measureFinite(upload, from, to);
    if (from < upload.written.at(-1)!.end) {
      if (upload.written.length === mostTurns) {
        const { target } = upload;
        const message = `${nameOf(target)} goes back more than ${mostTurns} times; use a client of this version`;
        throw new Refusal('failed-precondition', message);
      }
      upload.written.push(new RangeList());
    }
    upload.written.at(-1)!.append(from, to);
  }

  /**
   * Every chunk passes through here, so it must be fast: the sum of squares takes a tenth of the time of testing each
   * value.
   * @throws Refusal unless all elements are finite
   */
  #measureFinite({ target, values }: Upload, from: number, to: number): number {
    const sum = sumOfSquaresWithin(values, from, to);
    if (Number.isFinite(sum)) return sum;
    const at = from + values.subarray(from, to).findIndex((value) => !Number.isFinite(value));
    throw this.#diverged(target, at, values[at]!);
  }

  #diverged(target: UploadTarget, at: number, value: number): Refusal {
    const isInside = ({ offset, length }: { offset: number; length: number }) => at >= offset && at < offset + length;
    const slice = target.vector === 'lanes' ? undefined : this.#vectors.layout.slices.find(isInside);
    const where = slice ? `'${slice.parameter}'` : `element ${at}`;
    return diverged(`${nameOf(target)} has ${value} in ${where}`);
  }

  #lengthOf({ vector }: UploadTarget): number {
    const length = this.#vectors.lengths.get(vector);
    if (length !== undefined) return length;
    const known = [...this.#vectors.lengths.keys()].join(', ');
    throw new Refusal('failed-precondition', `the shard has no vector of the name that was uploaded; it has ${known}`);
  }
}

function requireCurrent({ target, state }: Upload): void {
  if (state === 'replaced') throw new Refusal('aborted', `${nameOf(target)} is being uploaded anew`);
}

/** Makes a receiver of whole chunks also take them in pieces. */
function gatheringChunks(stream: Omit<UploadStream, 'begin'>): UploadStream {
  return {
    ...stream,
    begin: (offsets, byteLength) => gathering(byteLength, (data) => stream.take({ offsets: [...offsets], data })),
  };
}

/** Returns whether the pieces are whole elements and lie within a vector of `elements` elements. */
function fits(offsets: readonly number[], byteLength: number, elements: number): boolean {
  if (offsets.length === 0) return byteLength === 0;
  const pieceLength = byteLength / offsets.length / 4;
  return (
    Number.isInteger(pieceLength) && pieceLength > 0 && offsets.every((offset) => offset + pieceLength <= elements)
  );
}

function key({ caller, vector }: UploadTarget): string {
  return `${caller.worker}/${vector}`;
}
