/**
 * Holds the memory of one worker's codec, over all shards and slices, from step to step. A repeated step is sent as the
 * same bytes. A worker that goes back to a point where all had dropped their held-back gradients starts afresh.
 */
import type { ShardLayout, Slice } from '../vectors/partition.js';
import { type NamedValues, partsOfParameters } from '../vectors/shard-vector.js';
import { bfloat16Format } from './bfloat16.js';
import type { LossyCodec, TopKCodec } from './codec.js';
import { int8Format } from './int8.js';
import { isWorthFactoring } from './low-rank.js';
import { float32Format } from './number-format.js';
import { LowRankCompression } from './power-sgd.js';
import { ErrorFeedback, Rounding, roundingOf, type SliceEncoder } from './slice-encoder.js';
import { TopK } from './top-k.js';

export interface StepGradient {
  readonly step: number;
  readonly gradients: NamedValues;
  /** The fraction of the batch's lanes that this gradient covers. */
  readonly share: number;
  /** Whether to drop held-back values after this step. */
  readonly forgetsAfter: boolean;
}

/** The data for the shards: values, whose zeros need not travel, or one encoded vector per shard. */
export type EncodedGradient =
  | { readonly type: 'values'; readonly values: NamedValues }
  | { readonly type: 'payloads'; readonly payloads: readonly Uint8Array[] };

interface Method {
  encode(gradient: StepGradient): EncodedGradient;
  reset(): void;
}

export class GradientEncoder {
  readonly #method: Method;
  #last: { readonly step: number; readonly encoded: EncodedGradient } | undefined;

  constructor(codec: LossyCodec, layouts: readonly ShardLayout[]) {
    this.#method = methodOf(codec, layouts);
  }

  /** @returns the data to send for a step's gradient; valid until the next step's */
  encode(gradient: StepGradient): EncodedGradient {
    if (this.#last?.step !== gradient.step) {
      this.#last = { step: gradient.step, encoded: this.#encode(gradient) };
      if (gradient.forgetsAfter) this.#method.reset();
    }
    return this.#last.encoded;
  }

  /** Drops the held-back values. */
  reset(): void {
    this.#last = undefined;
    this.#method.reset();
  }

  /** Sends a gradient with non-finite values unchanged: the servers refuse it and name the parameter. */
  #encode(gradient: StepGradient): EncodedGradient {
    const { gradients } = gradient;
    if (Object.values(gradients).every(isFiniteThroughout)) return this.#method.encode(gradient);
    return { type: 'values', values: gradients };
  }
}

function methodOf(codec: LossyCodec, layouts: readonly ShardLayout[]): Method {
  switch (codec.name) {
    case 'bfloat16':
      return new Payloads(layouts, (slice) => new Rounding(slice, bfloat16Format));
    case 'int8':
      return new Payloads(layouts, (slice) => new ErrorFeedback(slice, roundingOf(slice, int8Format)));
    case 'power-sgd':
      return new Payloads(layouts, (slice) =>
        isWorthFactoring(slice, codec.rank)
          ? new ErrorFeedback(slice, new LowRankCompression(slice, codec.rank))
          : new Rounding(slice, float32Format),
      );
    case 'top-k':
      return new Sparse(layouts, codec);
  }
}

/** Encodes each slice as a record. */
class Payloads implements Method {
  readonly #layouts: readonly ShardLayout[];
  readonly #encoders: readonly (readonly SliceEncoder[])[];

  constructor(layouts: readonly ShardLayout[], create: (slice: Slice) => SliceEncoder) {
    this.#layouts = layouts;
    this.#encoders = layouts.map(({ slices }) => slices.map(create));
  }

  encode({ gradients }: StepGradient): EncodedGradient {
    const payloads = this.#layouts.map((layout, shard) => {
      const records = partsOfParameters(layout, gradients).map(({ values }, k) => {
        return this.#encoders[shard]![k]!.encode(values);
      });
      return Buffer.concat(records);
    });
    return { type: 'payloads', payloads };
  }

  reset(): void {
    for (const encoder of this.#encoders.flat()) encoder.reset();
  }
}

/** Sends the greatest values of each slice, and zeros elsewhere. */
class Sparse implements Method {
  readonly #layouts: readonly ShardLayout[];
  readonly #codec: TopKCodec;
  readonly #choosers: readonly (readonly TopK[])[];
  #sent: Record<string, Float32Array> = {};

  constructor(layouts: readonly ShardLayout[], codec: TopKCodec) {
    this.#layouts = layouts;
    this.#codec = codec;
    this.#choosers = layouts.map(({ slices }) => slices.map((slice) => new TopK(slice, codec)));
  }

  encode({ gradients, share }: StepGradient): EncodedGradient {
    const scale = this.#clipping(gradients, share);
    for (const [name, { length }] of Object.entries(gradients)) this.#sent[name] ??= new Float32Array(length);
    for (const [shard, layout] of this.#layouts.entries()) {
      const sent = partsOfParameters(layout, this.#sent);
      for (const [k, { values }] of partsOfParameters(layout, gradients).entries()) {
        this.#choosers[shard]![k]!.encode(values, scale, sent[k]!.values);
      }
    }
    return { type: 'values', values: this.#sent };
  }

  reset(): void {
    for (const chooser of this.#choosers.flat()) chooser.reset();
  }

  #clipping(gradients: NamedValues, share: number): number {
    const { clipNorm } = this.#codec;
    if (clipNorm === undefined) return 1;
    let sumOfSquares = 0;
    for (const values of Object.values(gradients)) {
      for (let i = 0; i < values.length; i++) sumOfSquares += values[i]! * values[i]!;
    }
    return Math.min(1, (clipNorm * Math.sqrt(share)) / Math.sqrt(sumOfSquares));
  }
}

function isFiniteThroughout(values: Float32Array): boolean {
  let zero = 0;
  for (let i = 0; i < values.length; i++) zero += values[i]! * 0;
  return zero === 0;
}
