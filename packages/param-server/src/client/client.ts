/**
 * A training worker's client: presents all parameter servers of the run as one. It computes no gradients. When the
 * servers are no longer where this worker left them, it rejoins (`place-in-run.ts`), and the caller continues from {@link
 * ParameterClient.step}.
 */
import { optimizerSlots } from '@unroll/core/config';
import { elementCount } from '@unroll/core/onnx';
import type { unroll } from '../generated/parameter-server.js';
import type { LaneRange } from '../shard/messages.js';
import { chunksOfGradient } from '../tables/row-chunks.js';
import type { RowIds } from '../tables/row-selection.js';
import { sumOfSquaresOf } from '../vectors/gradient-rows.js';
import { partition } from '../vectors/partition.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import { GradientSender } from './gradient-sender.js';
import type { ParameterClientOptions, Snapshot, StepOptions, StepResult } from './options.js';
import { PlaceInRun, type Surroundings } from './place-in-run.js';
import { total } from './resumption.js';
import { type ConnectedShard, ShardGroup } from './shard-group.js';
import { pullTableRows } from './table-rows.js';

export class ParameterClient implements AsyncDisposable {
  readonly #options: ParameterClientOptions;
  readonly #shards: ShardGroup;
  readonly #gradients: GradientSender;
  readonly #place: PlaceInRun;
  #isFinished = false;

  /** @internal Use {@link connectParameterServers} instead. */
  constructor(options: ParameterClientOptions, surroundings: Surroundings) {
    const { parameters, lanes } = options;
    const layouts = partition(parameters, surroundings.connections.length);
    this.#options = options;
    this.#shards = new ShardGroup(surroundings.connections, layouts);
    this.#gradients = new GradientSender({ ...options, layouts, lanes: lanes.count });
    this.#place = new PlaceInRun(options, surroundings, this.#shards, this.#gradients);
  }

  /** The number of updates in the last pulled parameters. Equals the step to compute next, counted from 0. */
  get step(): number {
    return this.#place.step;
  }

  /** The lanes of the global batch that this worker computes. */
  get lanes(): LaneRange {
    return this.#place.lanes;
  }

  /** Whether the run goes on if this worker leaves. */
  get mayLeave(): boolean {
    return this.#place.isElastic;
  }

  /** The number of times this worker has entered the run. */
  get entrances(): number {
    return this.#place.entrances;
  }

  /**
   * Whether this worker initializes the servers and must write the checkpoints, as the first server said at the last
   * join. That is worker 0, until it is lost in an elastic run.
   */
  get isChief(): boolean {
    return this.#place.isChief;
  }

  /** Whether the chief has ended the training before its last step: there is nothing left to do but to {@link finish}. */
  get hasEnded(): boolean {
    return this.#place.hasEnded;
  }

  /** The states of all lanes at the time of this worker's last join, `[lanes, width]`. */
  get laneStates(): Float32Array {
    return this.#place.laneStates;
  }

  /**
   * Enters the run where the servers are; a worker calls this to start, or to start again. The chief initializes
   * servers that have no values yet; the other workers wait for it.
   * @param parameters filled with the parameters, except row tables, now and after each update
   * @throws ParameterServerError if the servers refuse this worker or do not answer; the message says which and why
   */
  async enter(parameters: NamedValues): Promise<void> {
    await this.#place.enter(parameters);
  }

  /**
   * Makes one step: pushes this worker's gradients and, once all lanes are pushed, pulls the updated parameters. Where
   * workers go at their own pace, the gradient is an update by itself, and the pull waits until the slowest worker is
   * near enough. The given parameters are not written to before all gradients are computed.
   * @returns undefined if the step was not made because the servers were elsewhere: continue from the new `step`,
   * `lanes`, `laneStates` and parameters
   * @throws ParameterServerError if a worker is lost or has left, or the workers disagree
   */
  update(options: StepOptions): Promise<StepResult | undefined> {
    const { later } = options;
    // It is awaited below, perhaps long after it has failed.
    later?.catch(() => undefined);
    return this.#place.whereWeAre(async () => {
      try {
        return await (this.#place.hasOwnPace ? this.#updateAlone(options) : this.#updateTogether(options));
      } finally {
        await later;
      }
    });
  }

  /**
   * Waits for the parameters that {@link update} did not wait for.
   * @returns false if the servers were elsewhere, as with {@link update}
   */
  async settle(): Promise<boolean> {
    const settled = await this.#place.whereWeAre(async () => true);
    return settled ?? false;
  }

  /**
   * Reads rows of tables at this worker's step.
   * @param into by table, `[rows, …]`: receives the rows, in the order of their ids
   * @returns false if the servers were elsewhere, as with {@link update}
   */
  async pullRows(ids: RowIds, into: NamedValues): Promise<boolean> {
    const pulled = await this.#place.whereWeAre(async () => {
      const request = { vector: 'parameters', step: this.step, caller: this.#place.caller };
      await this.#shards.each(({ connection, layout }) => pullTableRows(connection, layout, request, ids, into));
      return true;
    });
    return pulled ?? false;
  }

  /**
   * Waits for parameters that are still on their way. Where workers go at their own pace, first waits until all have
   * made as many steps as this one, then pulls the parameters.
   * @returns false if the servers have gone back to an earlier step, which is now `step`
   */
  async meet(): Promise<boolean> {
    const step = this.step;
    while (this.step === step) {
      const met = await this.#place.whereWeAre(async () => {
        if (this.#place.hasOwnPace) await this.#place.pullParameters({ step, meets: true });
        return true;
      });
      if (met) return true;
    }
    return false;
  }

  /**
   * Reads everything that a checkpoint holds at this worker's step; the parameters are the last pulled ones. Until this
   * worker pushes again, nothing changes, except through other workers' updates where workers go at their own pace.
   * @returns undefined if the servers have gone back to an earlier step, which is now `step`
   */
  async snapshot(): Promise<Snapshot | undefined> {
    const step = this.step;
    while (this.step === step) {
      const snapshot = await this.#place.whereWeAre(() => this.#readAll());
      if (snapshot) return snapshot;
    }
    return undefined;
  }

  /** Returns whether the servers are where this worker left them. If not, rejoins them there. */
  async confirm(): Promise<boolean> {
    const { step } = this;
    const confirmed = await this.#place.whereWeAre(async () => {
      await this.#place.pullLanes(step);
      return true;
    });
    return confirmed ?? false;
  }

  /**
   * Says that this worker has nothing left to do, and waits until all workers have said so.
   * @param endsRun whether the training ends here, before its last step: the other workers hear it as they rejoin (see
   *   {@link hasEnded}). Only the chief may say so.
   * @returns false if there is more to do, because the servers went back to an earlier step, which is now `step`
   */
  async finish({ endsRun = false }: { readonly endsRun?: boolean } = {}): Promise<boolean> {
    const caller = this.#place.caller;
    const finished = await this.#place.whereWeAre(() => this.#shards.first.connection.finish({ caller, endsRun }));
    this.#isFinished = finished !== undefined;
    return this.#isFinished;
  }

  /** Leaves the run and disconnects. The servers stop once all workers have left. */
  async close(): Promise<void> {
    this.#place.close();
    await this.#shards.leave({ caller: this.#place.caller, finished: this.#isFinished });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #updateTogether(options: StepOptions): Promise<StepResult> {
    const [step, caller] = [this.step, this.#place.caller];
    const sumOfSquares = total(await this.#pushAll(options));
    if (this.#shards.length > 1) await this.#shards.first.connection.commit({ caller, step, sumOfSquares });
    await this.#pullUpdated({ step: step + 1, sumOfSquares, since: step }, options.first);
    this.#place.advance();
    return { gradientNorm: Math.sqrt(sumOfSquares), staleness: 0 };
  }

  /** Pulls the parameters. Returns when those in `first` have arrived, or all if it is undefined. */
  #pullUpdated(
    request: Omit<unroll.v1.PullRequest, 'caller' | 'vector'>,
    first: ReadonlySet<string> | undefined,
  ): Promise<void> {
    if (!first) return this.#place.pullParameters(request);
    return new Promise((resolve, reject) => {
      const asked = { ...request, vector: 'parameters', caller: this.#place.caller };
      const arriving = this.#shards.pullInOrder(asked, this.#place.parameters, first, resolve);
      this.#place.arriving = arriving;
      arriving.then(resolve, reject);
    });
  }

  /** Pushes to the first shard last: the steps that it has counted for this worker are then done on all shards. */
  async #updateAlone(options: StepOptions): Promise<StepResult> {
    const step = this.step;
    const sumOfSquares = sumOfSquaresOf(options.gradients);
    await this.#shards.each(async (shard, index) => {
      if (index > 0) await this.#push(shard, index, options, { sumOfSquares });
    });
    const { staleness } = await this.#push(this.#shards.first, 0, options, { sumOfSquares });
    await this.#place.pullParameters({ step: step + 1 });
    this.#place.advance();
    return { gradientNorm: Math.sqrt(sumOfSquares), staleness };
  }

  /** Returns the shards' sums of squares. With backup workers, the first shard says whose gradients make the step. */
  async #pushAll(options: StepOptions): Promise<number[]> {
    const first = this.#place.hasBackups ? await this.#push(this.#shards.first, 0, options) : undefined;
    const answers = await this.#shards.each((shard, index) => {
      const counted = first?.counted ?? [];
      return index === 0 && first ? Promise.resolve(first) : this.#push(shard, index, options, { counted });
    });
    return answers.map(({ sumOfSquares }) => sumOfSquares);
  }

  async #push(
    shard: ConnectedShard,
    index: number,
    { gradients, later, learningRate, laneStates }: StepOptions,
    { counted = [], ...said }: Pick<Partial<unroll.v1.PushRequest>, 'counted' | 'sumOfSquares'> = {},
  ): Promise<unroll.v1.PushResponse> {
    const [step, caller, { from, to }] = [this.step, this.#place.caller, this.lanes];
    const target = { caller, step, vector: 'gradient' };
    const { connection, layout } = shard;
    if (index === 0) await this.#place.uploadLanes(step, laneStates, from);
    await this.#gradients.upload(connection, index, target, { gradients, later, lanes: this.lanes });
    if (layout.tables.length > 0) {
      await connection.upload(
        { ...target, vector: 'rows' },
        chunksOfGradient(layout, { ...gradients, ...(await later) }),
      );
    }
    const place = { lanesFrom: from, lanesTo: to, counted };
    return connection.push({ caller, step, learningRate, ...place, ...said });
  }

  async #readAll(): Promise<Snapshot> {
    const step = this.step;
    const read = async (vector: string): Promise<NamedValues> => {
      const values = Object.fromEntries(
        this.#options.parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]),
      );
      await this.#place.pull({ vector, step, whole: true }, values);
      return values;
    };
    const slots: Record<string, NamedValues> = {};
    for (const name of optimizerSlots(this.#options.optimizer)) slots[name] = await read(name);
    await this.#place.pullLanes(step);
    const hasTables = this.#options.parameters.some(({ byRows }) => byRows);
    const parameters = hasTables ? await read('parameters') : structuredClone(this.#place.parameters);
    return { step, parameters, slots, laneStates: this.laneStates.slice() };
  }
}
