/**
 * Sends a worker's gradients in the run's codec. At snapshots and checkpoints, from which a run can continue, workers
 * drop the gradients they have held back. So held-back gradients exist only in the workers' memory. Sending them all at
 * that point would cost bytes and do harm: much of them belongs to parameters that have long changed.
 */
import { status } from '@grpc/grpc-js';
import { type GradientCodec, holdsBack } from '../codecs/codec.js';
import { GradientEncoder } from '../codecs/gradient-encoder.js';
import { ParameterServerError } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import type { LaneRange } from '../shard/messages.js';
import { GradientTables, gradientChunks, type NamedGradients } from '../vectors/gradient-rows.js';
import type { ParameterShape } from '../vectors/model.js';
import type { ShardLayout } from '../vectors/partition.js';
import type { Chunk } from '../vectors/shard-vector.js';
import type { ShardCalls } from '../wire/shard-calls.js';

export interface GradientSenderOptions {
  readonly codec?: GradientCodec;
  /** In steps: a checkpoint may be written at each multiple. */
  readonly forgetEvery?: number;
  readonly parameters: readonly ParameterShape[];
  /** In the order of the shards. */
  readonly layouts: readonly ShardLayout[];
  /** The number of lanes of the global batch. */
  readonly lanes: number;
}

/** One worker's gradient of one step. */
export interface GradientOfStep {
  readonly gradients: NamedGradients;
  /** The gradients that are still being computed. */
  readonly later?: Promise<NamedGradients> | undefined;
  readonly lanes: LaneRange;
}

/** Same as a chunk's size: small enough for the allocator's caches. */
const pieceBytes = 64 * 1024;

export class GradientSender {
  readonly #options: GradientSenderOptions;
  readonly #codec: GradientCodec;
  /** Undefined where gradients travel as they are. */
  readonly #encoder: GradientEncoder | undefined;
  readonly #tables: GradientTables;
  #snapshotEvery = 0;
  #generation = '';

  constructor(options: GradientSenderOptions) {
    const { codec = { name: 'float32' }, layouts, parameters } = options;
    this.#options = options;
    this.#codec = codec;
    this.#encoder = codec.name === 'float32' ? undefined : new GradientEncoder(codec, layouts);
    this.#tables = new GradientTables(parameters);
  }

  /** Whether held-back gradients are lost if this process ends. */
  get holdsBack(): boolean {
    return holdsBack(this.#codec);
  }

  /**
   * Takes in the servers' settings.
   * @throws ParameterServerError if the servers may continue without a worker's held-back gradients
   */
  joined({ snapshotEvery, elastic, backupWorkers }: unroll.v1.JoinResponse): void {
    this.#snapshotEvery = snapshotEvery;
    if (!this.holdsBack) return;
    const table = this.#options.parameters.find(({ byRows }) => byRows);
    if (table) {
      const message = `the codec ${this.#codec.name} holds back a part of the gradients, '${table.name}' travels by rows, as it is`;
      throw new ParameterServerError(status.FAILED_PRECONDITION, `${message}; give the codec bfloat16 or float32`);
    }
    if (!elastic && backupWorkers === 0) return;
    const message =
      `the codec ${this.#codec.name} has workers hold back a part of their gradients, and the servers go on without ` +
      'some of them; require all workers, or choose the codec bfloat16';
    throw new ParameterServerError(status.FAILED_PRECONDITION, message);
  }

  /**
   * Called when the worker enters at the servers' point of the run. In another generation, that is a point where
   * nothing is held back.
   * @param generation its name: servers that were all restarted count from the beginning
   */
  takeUp(generation: string): void {
    // A codec that holds nothing back must encode anew: the worker may have returned to its step with other lanes.
    if (generation !== this.#generation || !this.holdsBack) this.#encoder?.reset();
    this.#generation = generation;
  }

  /** Uploads the gradient that a shard will add. Pass the same gradient for every shard. */
  async upload(
    connection: ShardCalls,
    shard: number,
    target: unroll.v1.UploadTarget,
    { gradients: first, later, lanes: { from, to } }: GradientOfStep,
  ): Promise<void> {
    const layout = this.#options.layouts[shard]!;
    if (!this.#encoder) {
      await connection.upload(target, later ? chunksInTurn(layout, first, later) : gradientChunks(layout, first));
      return;
    }
    const { step } = target;
    // Codecs look at all gradients together.
    const gradients = { ...first, ...(await later) };
    const share = (to - from) / this.#options.lanes;
    const forgetsAfter = this.#isForgottenAt(step + 1);
    const encoded = this.#encoder.encode({ step, gradients: this.#tables.fill(gradients), share, forgetsAfter });
    if (encoded.type === 'payloads') {
      await connection.upload({ ...target, encoded: true }, piecesOf(encoded.payloads[shard]!));
      return;
    }
    await connection.upload(target, gradientChunks(layout, encoded.values));
  }

  #isForgottenAt(step: number): boolean {
    const { forgetEvery = 0 } = this.#options;
    return [forgetEvery, this.#snapshotEvery].some((every) => every > 0 && step % every === 0);
  }
}

async function* chunksInTurn(layout: ShardLayout, first: NamedGradients, later: Promise<NamedGradients>) {
  yield* gradientChunks(layout, first);
  yield* gradientChunks(layout, await later);
}

function* piecesOf(payload: Uint8Array): Generator<Chunk> {
  for (let start = 0; start < payload.length; start += pieceBytes) {
    yield { offsets: [], data: payload.subarray(start, start + pieceBytes) };
  }
}
