/**
 * What a training worker holds: the parameter servers of its run as one. It computes no gradients.
 * Wherever the servers are found elsewhere than this worker left them, because a process was killed or lanes changed
 * hands, it joins again, and the caller goes on from {@link ParameterClient.step}.
 */
import { elementCount, optimizerSlots } from '@unroll/core';
import type { unroll } from '../generated/parameter-server.js';
import { partition } from '../partition.js';
import type { Caller, LaneRange } from '../shard/messages.js';
import { chunksOf, type NamedValues, scatterTable } from '../shard-vector.js';
import { chunksOfGradient, chunksOfValues, type RowReader } from '../tables/row-chunks.js';
import type { RowIds } from '../tables/row-selection.js';
import { writeModel } from '../wire-messages.js';
import { isPassing } from './errors.js';
import { sumOfSquaresOf } from './gradient-rows.js';
import { GradientSender } from './gradient-sender.js';
import type { Beat, StartHeartbeats } from './heartbeats.js';
import type { InitialValues, ParameterClientOptions, Snapshot, StepOptions, StepResult } from './options.js';
import { type Entry, planOf, total } from './resumption.js';
import type { ShardCalls } from './shard-calls.js';
import { type Shard, ShardGroup } from './shard-group.js';
import { pullTableRows } from './table-rows.js';

/** What carries a client: a network and a clock, or their simulation. */
export interface Surroundings {
  /** In the order of the shards. */
  readonly connections: readonly ShardCalls[];
  readonly startHeartbeats: StartHeartbeats;
  sleep(seconds: number): Promise<void>;
}

/** Between two attempts to join servers that change. */
const rejoinSeconds = 0.1;

export class ParameterClient implements AsyncDisposable {
  readonly #options: ParameterClientOptions;
  readonly #surroundings: Surroundings;
  readonly #shards: ShardGroup;
  readonly #laneStates: Float32Array;
  readonly #gradients: GradientSender;
  #caller: Caller;
  #parameters: NamedValues = {};
  #lanes: LaneRange = { from: 0, to: 0 };
  #step = 0;
  #isInside = false;
  #hasEntered = false;
  #isElastic = false;
  #hasBackups = false;
  #isFinished = false;
  #isClosed = false;
  /** What is pulled of the parameters beyond those that were waited for. */
  #arriving: Promise<void> = Promise.resolve();
  #stopHeartbeats: (() => void) | undefined;

  /** @internal Others use {@link connectParameterServers}. */
  constructor(options: ParameterClientOptions, surroundings: Surroundings) {
    const { parameters, worker, incarnation, lanes } = options;
    const layouts = partition(parameters, surroundings.connections.length);
    this.#options = options;
    this.#surroundings = surroundings;
    this.#shards = new ShardGroup(surroundings.connections, layouts);
    this.#laneStates = new Float32Array(lanes.count * lanes.width);
    this.#gradients = new GradientSender({ ...options, layouts, lanes: lanes.count });
    this.#caller = { worker, incarnation, generation: 0, lease: 0 };
  }

  /** Updates that the parameters have seen which were pulled last: the step to be computed next, counted from 0. */
  get step(): number {
    return this.#step;
  }

  /** The lanes of the global batch that this worker computes. */
  get lanes(): LaneRange {
    return this.#lanes;
  }

  /** Whether the run goes on if this worker leaves; not without worker 0, which has the values to start from. */
  get mayLeave(): boolean {
    return this.#isElastic && this.#options.worker !== 0;
  }

  /** The states of all lanes as they were when this worker joined last, `[lanes, width]`. */
  get laneStates(): Float32Array {
    return this.#laneStates;
  }

  /**
   * Takes up the run where the servers are: how a worker starts, or starts again. Worker 0 gives servers their values that
   * have none; the others wait for that.
   * @param parameters filled with the parameters but for tables by rows, now and after each update
   * @throws ParameterServerError if the servers refuse this worker or do not answer; the message says which and why
   */
  async enter(parameters: NamedValues): Promise<void> {
    this.#parameters = parameters;
    await this.#enter();
  }

  /**
   * One step: pushes this worker's gradients and, when all lanes are pushed, pulls the updated parameters. Where workers go
   * at their own pace the gradient is an update by itself, and the pull waits until the slowest worker is near enough.
   * Parameters that are given are not written to before all gradients are computed.
   * @returns undefined if the step was not made, because the servers were elsewhere: `step`, `lanes`, `laneStates` and the
   *   parameters are now those to go on from
   * @throws ParameterServerError if a worker is lost or has left, or the workers disagree
   */
  update(options: StepOptions): Promise<StepResult | undefined> {
    const { later } = options;
    // It is waited for below, maybe long after it has failed.
    later?.catch(() => undefined);
    return this.#whereWeAre(async () => {
      try {
        return await (this.#hasOwnPace ? this.#updateAlone(options) : this.#updateTogether(options));
      } finally {
        await later;
      }
    });
  }

  /**
   * Waits for the parameters that {@link update} did not wait for.
   * @returns false if the servers were elsewhere, as of {@link update}
   */
  async settle(): Promise<boolean> {
    const settled = await this.#whereWeAre(async () => true);
    return settled ?? false;
  }

  /**
   * Reads rows of tables as they are at this worker's step.
   * @param into by table, `[rows, …]`: where the rows go, in the order of their ids
   * @returns false if the servers were elsewhere, as of {@link update}
   */
  async pullRows(ids: RowIds, into: NamedValues): Promise<boolean> {
    const pulled = await this.#whereWeAre(async () => {
      const request = { vector: 'parameters', step: this.#step, caller: this.#caller };
      await this.#shards.each(({ connection, layout }) => pullTableRows(connection, layout, request, ids, into));
      return true;
    });
    return pulled ?? false;
  }

  /**
   * Waits for parameters that are still on their way; where workers go at their own pace, until all have made as many steps as
   * this one, and then pulls them.
   * @returns false if the servers have gone back to an earlier step, which is now `step`
   */
  async meet(): Promise<boolean> {
    const step = this.#step;
    while (this.#step === step) {
      const met = await this.#whereWeAre(async () => {
        if (this.#hasOwnPace) await this.#pull({ vector: 'parameters', step, meets: true }, this.#parameters);
        return true;
      });
      if (met) return true;
    }
    return false;
  }

  /**
   * Reads all that a checkpoint holds at this worker's step; the parameters are those that it pulled last. Until it pushes
   * again nothing changes but, where workers go at their own pace, what the others' updates change.
   * @returns undefined if the servers have gone back to an earlier step, which is now `step`
   */
  async snapshot(): Promise<Snapshot | undefined> {
    const step = this.#step;
    while (this.#step === step) {
      const snapshot = await this.#whereWeAre(() => this.#readAll());
      if (snapshot) return snapshot;
    }
    return undefined;
  }

  /**
   * Says that this worker has nothing left to do and waits until that is so for all.
   * @returns false if there is more to do, because the servers went back to an earlier step, which is now `step`
   */
  async finish(): Promise<boolean> {
    const caller = this.#caller;
    const finished = await this.#whereWeAre(() => this.#shards.first.connection.finish({ caller }));
    this.#isFinished = finished !== undefined;
    return this.#isFinished;
  }

  /** Leaves the run and disconnects. When all workers have left, the servers stop. */
  async close(): Promise<void> {
    this.#isInside = false;
    this.#isClosed = true;
    this.#stopHeartbeats?.();
    await this.#shards.leave({ caller: this.#caller, finished: this.#isFinished });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #updateTogether(options: StepOptions): Promise<StepResult> {
    const [step, caller] = [this.#step, this.#caller];
    const sumOfSquares = total(await this.#pushAll(options));
    if (this.#shards.length > 1) await this.#shards.first.connection.commit({ caller, step, sumOfSquares });
    await this.#pullUpdated({ vector: 'parameters', step: step + 1, sumOfSquares, since: step }, options.first);
    this.#step = step + 1;
    return { gradientNorm: Math.sqrt(sumOfSquares), staleness: 0 };
  }

  /** Pulls the parameters, and returns when the first have come. */
  #pullUpdated(request: Omit<unroll.v1.PullRequest, 'caller'>, first: ReadonlySet<string> | undefined): Promise<void> {
    if (!first) return this.#pull(request, this.#parameters);
    return new Promise((resolve, reject) => {
      const asked = { ...request, caller: this.#caller };
      this.#arriving = this.#shards.pullInOrder(asked, this.#parameters, first, resolve);
      this.#arriving.then(resolve, reject);
    });
  }

  /** The first shard is pushed to last: the steps that it has counted of this worker are then done on all. */
  async #updateAlone(options: StepOptions): Promise<StepResult> {
    const step = this.#step;
    const sumOfSquares = sumOfSquaresOf(options.gradients);
    await this.#shards.each(async (shard, index) => {
      if (index > 0) await this.#push(shard, index, options, { sumOfSquares });
    });
    const { staleness } = await this.#push(this.#shards.first, 0, options, { sumOfSquares });
    await this.#pull({ vector: 'parameters', step: step + 1 }, this.#parameters);
    this.#step = step + 1;
    return { gradientNorm: Math.sqrt(sumOfSquares), staleness };
  }

  get #hasOwnPace(): boolean {
    return this.#options.staleness !== undefined;
  }

  /** Returns the shards' sums of squares. With backup workers the first shard says of whose gradients the step is made. */
  async #pushAll(options: StepOptions): Promise<number[]> {
    const first = this.#hasBackups ? await this.#push(this.#shards.first, 0, options) : undefined;
    const answers = await this.#shards.each((shard, index) => {
      const counted = first?.counted ?? [];
      return index === 0 && first ? Promise.resolve(first) : this.#push(shard, index, options, { counted });
    });
    return answers.map(({ sumOfSquares }) => sumOfSquares);
  }

  async #push(
    shard: Shard,
    index: number,
    { gradients, later, learningRate, laneStates }: StepOptions,
    { counted = [], ...said }: Pick<Partial<unroll.v1.PushRequest>, 'counted' | 'sumOfSquares'> = {},
  ): Promise<unroll.v1.PushResponse> {
    const [step, caller, { from, to }] = [this.#step, this.#caller, this.#lanes];
    const target = { caller, step, vector: 'gradient' };
    const { connection, layout } = shard;
    if (index === 0) await this.#uploadLanes(step, laneStates, from);
    await this.#gradients.upload(connection, index, target, { gradients, later, lanes: this.#lanes });
    if (layout.tables.length > 0) {
      await connection.upload(
        { ...target, vector: 'rows' },
        chunksOfGradient(layout, { ...gradients, ...(await later) }),
      );
    }
    const place = { lanesFrom: from, lanesTo: to, counted };
    return connection.push({ caller, step, learningRate, ...place, ...said });
  }

  /** Does what needs the servers where this worker left them; if they are elsewhere, goes there and returns undefined. */
  async #whereWeAre<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      await this.#arriving;
      return await work();
    } catch (error) {
      if (!isPassing(error) || this.#isClosed) throw error;
      this.#arriving = Promise.resolve();
      await this.#enter();
      return undefined;
    }
  }

  async #enter(): Promise<void> {
    this.#isInside = false;
    for (;;) {
      try {
        if (await this.#tryToEnter()) return;
      } catch (error) {
        if (!isPassing(error) || this.#isClosed) throw error;
      }
      await this.#surroundings.sleep(rejoinSeconds);
    }
  }

  async #tryToEnter(): Promise<boolean> {
    const joined = await this.#shards.each(async ({ connection }, shard) => {
      const answer = await connection.join(this.#joinRequest(shard));
      this.#gradients.joined(answer);
      this.#beatEvery(answer.leaseSeconds / 6);
      this.#isElastic = answer.elastic;
      this.#hasBackups = answer.backupWorkers > 0;
      return answer;
    });
    const { worker, start } = this.#options;
    const plan = planOf(joined, {
      worker,
      hasEntered: this.#hasEntered,
      startStep: start.step ?? 0,
      snapshots: start.snapshots ?? 'refuse',
      ownPace: this.#hasOwnPace,
    });
    if (plan.type === 'begin') await this.#begin(plan.generation, plan.snapshot);
    if (plan.type !== 'enter') return false;
    await this.#takeUp(plan);
    return true;
  }

  /** Gives all servers their values: of a snapshot, or those that the run starts from. */
  async #begin(generation: number, snapshot: number | undefined): Promise<void> {
    const caller = this.#caller;
    if (snapshot !== undefined) {
      await this.#shards.each(({ connection }) => connection.restore({ caller, step: snapshot, generation }));
      return;
    }
    const { step = 0, values } = this.#options.start;
    const { parameters, tables = {}, slots = {}, laneStates }: InitialValues = await values();
    await this.#shards.each(async (shard, index) => {
      await this.#upload(shard, 'parameters', step, parameters, tables);
      for (const [name, slot] of Object.entries(slots)) await this.#upload(shard, name, step, slot, {});
      if (index === 0) await this.#uploadLanes(step, laneStates ?? new Float32Array(0), 0);
      await shard.connection.initialize({ caller, step, generation });
    });
  }

  async #takeUp({ generation, lease, lanes, step, sumOfSquares }: Entry): Promise<void> {
    this.#caller = { ...this.#caller, generation, lease };
    this.#gradients.takeUp(generation);
    const isLagging = sumOfSquares !== undefined;
    await this.#pull({ vector: 'parameters', step, ...(isLagging ? { sumOfSquares } : {}) }, this.#parameters);
    await this.#pullLanes(step);
    this.#lanes = lanes;
    this.#step = step;
    this.#hasEntered = true;
    this.#isInside = true;
  }

  #beatEvery(seconds: number): void {
    this.#stopHeartbeats ??= this.#surroundings.startHeartbeats(seconds, (beat) => this.#hear(beat));
  }

  /** Gives up what waits for servers that have moved on without this worker. */
  #hear({ shard, place }: Beat): void {
    if (!this.#isInside) return;
    const { generation, lease } = this.#caller;
    const isElsewhere =
      place === undefined ||
      place.generation > generation ||
      (shard === 0 && place.generation === generation && place.lease > lease);
    if (isElsewhere) this.#shards.interrupt();
  }

  async #readAll(): Promise<Snapshot> {
    const step = this.#step;
    const read = async (vector: string): Promise<NamedValues> => {
      const values = Object.fromEntries(
        this.#options.parameters.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))]),
      );
      await this.#pull({ vector, step, whole: true }, values);
      return values;
    };
    const slots: Record<string, NamedValues> = {};
    for (const name of optimizerSlots(this.#options.optimizer)) slots[name] = await read(name);
    await this.#pullLanes(step);
    const hasTables = this.#options.parameters.some(({ byRows }) => byRows);
    const parameters = hasTables ? await read('parameters') : structuredClone(this.#parameters);
    return { step, parameters, slots, laneStates: this.#laneStates.slice() };
  }

  #upload(
    { connection, layout }: Shard,
    vector: string,
    step: number,
    values: NamedValues,
    tables: Readonly<Record<string, RowReader>>,
  ): Promise<void> {
    const chunks = chunksOfValues(layout, values, tables);
    return connection.upload({ caller: this.#caller, step, vector }, chunks);
  }

  /** Sends the states of lanes, from lane `from` on, to the first shard. */
  #uploadLanes(step: number, values: Float32Array, from: number): Promise<void> {
    const { width } = this.#options.lanes;
    const target = { caller: this.#caller, step, vector: 'lanes' };
    return this.#shards.first.connection.upload(target, chunksOf([{ values, offset: from * width, rowLength: width }]));
  }

  async #pullLanes(step: number): Promise<void> {
    const request = { vector: 'lanes', step, caller: this.#caller };
    for await (const chunk of this.#shards.first.connection.pull(request)) scatterTable(this.#laneStates, chunk);
  }

  #pull(request: Omit<unroll.v1.PullRequest, 'caller'>, values: NamedValues): Promise<void> {
    return this.#shards.pull({ ...request, caller: this.#caller }, values);
  }

  #joinRequest(shard: number): unroll.v1.JoinRequest {
    const { version, workers } = this.#options;
    const { worker, incarnation } = this.#caller;
    const place = { caller: { worker, incarnation }, version, workers, shard, shards: this.#shards.length };
    return { ...place, ...writeModel(this.#options), holdsBack: this.#gradients.holdsBack };
  }
}
