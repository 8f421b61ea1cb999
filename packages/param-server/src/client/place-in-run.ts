/**
 * Keeps a worker at its place in the run. It joins the servers and either initializes them or takes up the run where
 * they are. It rejoins whenever they are no longer where the worker left them, because a process was killed or lanes
 * moved. The work at that place is in `client.ts`.
 */

import { isPassing } from '../errors.js';
import type { unroll } from '../generated/parameter-server.js';
import type { Caller, LaneRange } from '../shard/messages.js';
import { chunksOfValues, type RowReader } from '../tables/row-chunks.js';
import { chunksOf, type NamedValues, scatterTable } from '../vectors/shard-vector.js';
import type { ShardCalls } from '../wire/shard-calls.js';
import { writeModel } from '../wire/wire-messages.js';
import type { GradientSender } from './gradient-sender.js';
import type { Beat, StartHeartbeats } from './heartbeats.js';
import type { InitialValues, ParameterClientOptions } from './options.js';
import { areLeasesKnown, type Entry, planOf } from './resumption.js';
import type { ConnectedShard, ShardGroup } from './shard-group.js';

/** The environment of a client: a network and a clock, or their simulation. */
export interface Surroundings {
  /** In the order of the shards. */
  readonly connections: readonly ShardCalls[];
  readonly startHeartbeats: StartHeartbeats;
  /** This process's random number. */
  readonly incarnation: number;
  sleep(seconds: number): Promise<void>;
}

/** A push that overtakes the answers to a join explains a few. */
const mostJoinsAhead = 20;

/** Pause between two attempts to join while the servers change. */
const rejoinSeconds = 0.1;

export class PlaceInRun {
  readonly #options: ParameterClientOptions;
  readonly #surroundings: Surroundings;
  readonly #shards: ShardGroup;
  readonly #gradients: GradientSender;
  /** The states of all lanes at the time of this worker's last join, `[lanes, width]`. */
  readonly laneStates: Float32Array;
  #caller: Caller;
  #parameters: NamedValues = {};
  #lanes: LaneRange = { from: 0, to: 0 };
  #step = 0;
  /** `joining` means that the first shard has answered, but not all of the others. */
  #place: 'outside' | 'joining' | 'inside' = 'outside';
  /** This process's number in the join order, once all shards have let it in. */
  #ordinal = 0;
  /** The number of a newer process, if another shard has answered that it supersedes this one. */
  #above = 0;
  #isChief = false;
  #hasEnded = false;
  /** The number of joins in a row that found another server with a later lease than the first. */
  #joinsAhead = 0;
  /** The greatest generation that this process knows. */
  #generation = 0;
  #entrances = 0;
  #isElastic = false;
  #hasBackups = false;
  #isClosed = false;
  #arriving: Promise<void> = Promise.resolve();
  #stopHeartbeats: (() => void) | undefined;

  constructor(
    options: ParameterClientOptions,
    surroundings: Surroundings,
    shards: ShardGroup,
    gradients: GradientSender,
  ) {
    const { worker, lanes } = options;
    const { incarnation } = surroundings;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#shards = shards;
    this.#gradients = gradients;
    this.laneStates = new Float32Array(lanes.count * lanes.width);
    this.#caller = { worker, incarnation, generation: 0, lease: 0 };
  }

  get caller(): Caller {
    return this.#caller;
  }

  /** The number of updates in the last pulled parameters. Equals the step to compute next, counted from 0. */
  get step(): number {
    return this.#step;
  }

  /** The lanes of the global batch that this worker computes. */
  get lanes(): LaneRange {
    return this.#lanes;
  }

  /** The arrays that parameters are pulled into. */
  get parameters(): NamedValues {
    return this.#parameters;
  }

  /** Whether the run goes on without some of the workers. */
  get isElastic(): boolean {
    return this.#isElastic;
  }

  /** The number of times this worker has entered the run. */
  get entrances(): number {
    return this.#entrances;
  }

  /** Whether this worker initializes the servers, as the first server said at the last join. */
  get isChief(): boolean {
    return this.#isChief;
  }

  /** Whether the chief has ended the training before its last step, as the first server said at the last join. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether steps are made without the slowest workers. */
  get hasBackups(): boolean {
    return this.#hasBackups;
  }

  /** Whether this worker goes at its own pace. */
  get hasOwnPace(): boolean {
    return this.#options.staleness !== undefined;
  }

  /** @param parameters filled with the parameters, now and at every rejoin */
  async enter(parameters: NamedValues): Promise<void> {
    this.#parameters = parameters;
    await this.#enter();
  }

  /** Notes that the step has been made, and its parameters pulled or about to arrive. */
  advance(): void {
    this.#step++;
  }

  /** The pull of the parameters that were not waited for. */
  set arriving(parameters: Promise<void>) {
    this.#arriving = parameters;
  }

  /**
   * Runs `work`, which needs the servers to be where this worker left them. If they are elsewhere, rejoins there and
   * returns undefined.
   */
  async whereWeAre<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
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

  /** Sends the states of lanes, starting with lane `from`, to the first shard. */
  uploadLanes(step: number, values: Float32Array, from: number): Promise<void> {
    const { width } = this.#options.lanes;
    const target = { caller: this.#caller, step, vector: 'lanes' };
    return this.#shards.first.connection.upload(target, chunksOf([{ values, offset: from * width, rowLength: width }]));
  }

  /** Reads the states of all lanes into {@link laneStates}. */
  async pullLanes(step: number): Promise<void> {
    const request = { vector: 'lanes', step, caller: this.#caller };
    for await (const chunk of this.#shards.first.connection.pull(request)) scatterTable(this.laneStates, chunk);
  }

  /** Reads the parameters into {@link parameters}. */
  pullParameters(request: Omit<unroll.v1.PullRequest, 'caller' | 'vector'>): Promise<void> {
    return this.pull({ ...request, vector: 'parameters' }, this.#parameters);
  }

  pull(request: Omit<unroll.v1.PullRequest, 'caller'>, values: NamedValues): Promise<void> {
    return this.#shards.pull({ ...request, caller: this.#caller }, values);
  }

  /** Stops heartbeats and rejoining: from now on failures go to the caller, and beats no longer interrupt calls. */
  close(): void {
    this.#place = 'outside';
    this.#isClosed = true;
    this.#stopHeartbeats?.();
  }

  async #enter(): Promise<void> {
    for (;;) {
      this.#place = 'outside';
      try {
        if (await this.#tryToEnter()) return;
      } catch (error) {
        if (!isPassing(error) || this.#isClosed) throw error;
      }
      await this.#surroundings.sleep(rejoinSeconds);
    }
  }

  async #tryToEnter(): Promise<boolean> {
    const joined = await this.#join();
    const supersededBy = joined.map((answer) => answer.supersededBy ?? 0);
    this.#above = Math.max(...supersededBy);
    if (this.#above > 0) return false;
    this.#ordinal = joined[0]!.ordinal;
    this.#generation = Math.max(this.#generation, ...joined.map(({ generation }) => generation));
    this.#joinsAhead = areLeasesKnown(joined) ? 0 : this.#joinsAhead + 1;
    const { start } = this.#options;
    const plan = planOf(joined, {
      isChief: this.#isChief,
      hasEntered: this.#entrances > 0,
      generation: this.#generation,
      startStep: start.step ?? 0,
      snapshots: start.snapshots ?? 'refuse',
      ownPace: this.hasOwnPace,
      isStuck: this.#joinsAhead > mostJoinsAhead,
    });
    if (plan.type === 'begin') await this.#begin(plan.generation, plan.snapshot);
    if (plan.type !== 'enter') return false;
    await this.#takeUp(plan);
    return true;
  }

  /** Joins the first shard, which assigns this process its number in the join order, and then the others. */
  async #join(): Promise<unroll.v1.JoinResponse[]> {
    const answers = new Map<number, unroll.v1.JoinResponse>();
    const join = async (shard: number, connection: ShardCalls) => {
      const answer = await connection.join(this.#joinRequest(shard, answers.get(0)));
      answers.set(shard, answer);
      if (shard === 0) this.#admitted(answer);
      if (!answer.supersededBy) this.#gradients.joined(answer);
    };
    // The other servers are looked for meanwhile: one of them may turn this worker away while the first is absent.
    await this.#shards.each(({ connection }, shard) => (shard === 0 ? join(shard, connection) : connection.ready()));
    await this.#shards.each(async ({ connection }, shard) => (shard > 0 ? join(shard, connection) : undefined));
    return [...answers].toSorted(([a], [b]) => a - b).map(([, answer]) => answer);
  }

  /** The first shard has let this worker in. From now on its heartbeats tell whether later calls still count. */
  #admitted(answer: unroll.v1.JoinResponse): void {
    const { generation, lease, chief, ended, elastic, backupWorkers, leaseSeconds } = answer;
    this.#caller = { ...this.#caller, generation, lease };
    this.#isChief = chief;
    this.#hasEnded = ended ?? false;
    this.#isElastic = elastic;
    this.#hasBackups = backupWorkers > 0;
    this.#place = 'joining';
    this.#beatEvery(leaseSeconds / 6);
  }

  /** Initializes all servers, from a snapshot or with the run's start values. */
  async #begin(generation: number, snapshot: number | undefined): Promise<void> {
    this.#generation = generation;
    this.#caller = { ...this.#caller, generation };
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
      if (index === 0) await this.uploadLanes(step, laneStates ?? new Float32Array(0), 0);
      await shard.connection.initialize({ caller, step, generation });
    });
  }

  async #takeUp({ generation, begunBy, lease, lanes, step, sumOfSquares }: Entry): Promise<void> {
    this.#caller = { ...this.#caller, generation, lease };
    this.#generation = Math.max(this.#generation, generation);
    this.#gradients.takeUp(`${generation} of ${begunBy}`);
    if (this.#entrances > 0 && step < this.#step) {
      this.#options.onNotice?.(`back from step ${this.#step} to step ${step}, with the servers`, 'info');
    }
    const isLagging = sumOfSquares !== undefined;
    // Where workers go at their own pace, a pull may wait for steps that nobody makes any more.
    if (!this.#hasEnded) {
      await this.pullParameters({ step, ...(isLagging ? { sumOfSquares } : {}) });
      await this.pullLanes(step);
    }
    this.#lanes = lanes;
    this.#step = step;
    this.#entrances++;
    this.#place = 'inside';
  }

  #beatEvery(seconds: number): void {
    this.#stopHeartbeats ??= this.#surroundings.startHeartbeats(seconds, (beat) => this.#hear(beat));
  }

  /** Interrupts the calls in flight if the servers have moved on without this worker. */
  #hear({ shard, place }: Beat): void {
    // While this worker joins the other shards, they do not know it yet.
    if (this.#place === 'outside' || (this.#place === 'joining' && shard > 0)) return;
    const { generation, lease } = this.#caller;
    const isElsewhere =
      place === undefined ||
      place.generation > generation ||
      (shard === 0 && place.generation === generation && place.lease > lease);
    if (isElsewhere) this.#shards.interrupt();
  }

  #upload(
    { connection, layout }: ConnectedShard,
    vector: string,
    step: number,
    values: NamedValues,
    tables: Readonly<Record<string, RowReader>>,
  ): Promise<void> {
    const chunks = chunksOfValues(layout, values, tables);
    return connection.upload({ caller: this.#caller, step, vector }, chunks);
  }

  /** @param first the first shard's answer; passed for the other shards */
  #joinRequest(shard: number, first?: unroll.v1.JoinResponse): unroll.v1.JoinRequest {
    const { version, workers } = this.#options;
    const { worker, incarnation } = this.#caller;
    // A shard that was restarted hears which generation the others are in.
    const caller = { worker, incarnation, generation: this.#generation };
    const place = { caller, version, workers, shard, shards: this.#shards.length };
    const claim = first
      ? { ordinal: first.ordinal, above: 0, chief: first.chief }
      : { ordinal: this.#ordinal, above: this.#above, chief: false };
    return { ...place, ...writeModel(this.#options), ...claim, holdsBack: this.#gradients.holdsBack };
  }
}
