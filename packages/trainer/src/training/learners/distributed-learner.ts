/**
 * Trains as one of several workers: it computes its lanes' part of a step; the servers add, clip and update. The
 * servers also decide which lanes it gets, and the step and state to continue from. These may change when processes are
 * killed.
 */

import { elementCount, optimizerSlots } from '@unroll/core/config';
import type { Trainable } from '@unroll/core/internal';
import { slotName } from '@unroll/core/onnx';
import type { LaneRange, ParameterClient, WorkerMeter } from '@unroll/param-server/client';
import type { Arrays } from '../../checkpoint/arrays.js';
import { stalenessBound, updateOptimizer } from '../../configuration/modes.js';
import { type Residents, zeros } from '../../engines/engine.js';
import { readAll } from '../../engines/residents.js';
import { createGradientStep } from './gradient-step.js';
import { laneWidth, packLanes, unpackLosses, unpackRecurrent } from './lane-states.js';
import type { Learner, LearnerState, LossSum, UpdateResult, UpdateSettings } from './learner.js';
import { createLocalRound } from './local-round.js';
import { createRowStep } from './row-step.js';
import { createStagedStep, isStaged, type WorkerOptions } from './staged-step.js';
import type { WorkerStep } from './worker-step.js';

export class DistributedLearner implements Learner {
  /** The parameters that this worker computes with. If it computes in stages, these are used for evaluation only. */
  readonly #parameters: Residents;
  /** With row tables: the complete parameters as of the last barrier, allocated on first use. */
  #whole: Residents | undefined;
  readonly #options: WorkerOptions;
  readonly #client: ParameterClient;
  readonly #meter: WorkerMeter;
  readonly #pulled: Arrays;
  #workerStep: WorkerStep;

  /** Joins the servers and waits until they have values. */
  static async create(
    options: WorkerOptions,
    client: ParameterClient,
    meter: WorkerMeter,
  ): Promise<DistributedLearner> {
    const { engine, model, tables } = options;
    const parameters = engine.allocate(zeros((tables?.model ?? model).parameters));
    const pulled = isStaged(options) ? emptyParameters(model) : await readAll(parameters);
    for (const table of tables?.names ?? []) delete pulled[table];
    await client.enter(pulled);
    const workerStep = await createWorkerStep(options, { parameters, pulled }, client.lanes);
    const learner = new DistributedLearner(options, client, meter, { parameters, pulled, workerStep });
    await learner.#takeUp();
    return learner;
  }

  private constructor(
    options: WorkerOptions,
    client: ParameterClient,
    meter: WorkerMeter,
    { parameters, pulled, workerStep }: { parameters: Residents; pulled: Arrays; workerStep: WorkerStep },
  ) {
    this.#options = options;
    this.#client = client;
    this.#meter = meter;
    this.#parameters = parameters;
    this.#pulled = pulled;
    this.#workerStep = workerStep;
  }

  get parameters(): Residents {
    const { engine, model, tables } = this.#options;
    if (!tables) return this.#parameters;
    this.#whole ??= engine.allocate(zeros(model.parameters));
    return this.#whole;
  }

  get nextStep(): number {
    return this.#client.step;
  }

  get isChief(): boolean {
    return this.#client.isChief;
  }

  get entrances(): number {
    return this.#client.entrances;
  }

  get hasEnded(): boolean {
    return this.#client.hasEnded;
  }

  get epoch(): LossSum {
    return this.#workerStep.losses.total;
  }

  /** An update needs the servers' answer to the one before, so there is one in a call. */
  readonly stepsAtOnce = 1;

  async step(updates: readonly UpdateSettings[]): Promise<readonly UpdateResult[]> {
    const [{ learningRate }] = updates as [UpdateSettings];
    const made = await this.#step(learningRate);
    return made ? [{ ...made, epoch: this.epoch }] : [];
  }

  async #step(learningRate: number): Promise<Omit<UpdateResult, 'epoch'> | undefined> {
    this.#meter.begin();
    if (!(await this.#prepare())) {
      await this.#takeUp();
      return undefined;
    }
    const { recurrent, losses, first } = this.#workerStep;
    this.#meter.computes();
    const { loss, ...summand } = await this.#workerStep.compute(this.nextStep, learningRate);
    const laneStates = packLanes(this.#options.model, await readAll(recurrent), losses);
    const computed = () => this.#meter.computed();
    if (summand.later) void summand.later.then(computed, computed);
    else computed();
    const update = await this.#client.update({ ...summand, laneStates, ...(first ? { first } : {}) });
    if (update) {
      if (!this.#workerStep.begin) this.#installParameters();
      this.#meter.end({ lossSum: loss.lossSum, tokens: loss.count, staleness: update.staleness });
      const { gradientNorm, staleness } = update;
      const hasOwnPace = stalenessBound(this.#options.training.mode) !== undefined;
      return { ...loss, gradientNorm, ...(hasOwnPace && { staleness }) };
    }
    await this.#takeUp();
    return undefined;
  }

  /**
   * Does the part of a step that does not need all parameters, then waits for them. Returns false if the servers were
   * at another step.
   */
  async #prepare(): Promise<boolean> {
    const { lookUp, begin } = this.#workerStep;
    if (lookUp) return lookUp(this.nextStep, this.#client);
    if (!begin) return true;
    this.#meter.computes();
    await begin(this.nextStep);
    this.#meter.computed();
    return this.#client.settle();
  }

  async meet(): Promise<boolean> {
    const haveMet = await this.#client.meet();
    if (haveMet && this.#whole) return this.#readWhole(this.#whole);
    if (haveMet) this.#installParameters();
    else await this.#takeUp();
    return haveMet;
  }

  async #readWhole(whole: Residents): Promise<boolean> {
    const snapshot = await this.#client.snapshot();
    if (snapshot) for (const [name, values] of Object.entries(snapshot.parameters)) whole.write(name, values);
    else await this.#takeUp();
    return snapshot !== undefined;
  }

  async state(): Promise<LearnerState | undefined> {
    const { model, training } = this.#options;
    const snapshot = await this.#client.snapshot();
    await this.#takeUp();
    if (!snapshot) return undefined;
    const slots = optimizerSlots(updateOptimizer(training)).flatMap((slot) =>
      Object.entries(snapshot.slots[slot]!).map(([name, values]) => [slotName(slot, name), values] as const),
    );
    return {
      parameters: { ...snapshot.parameters },
      slots: Object.fromEntries(slots),
      recurrent: unpackRecurrent(model, snapshot.laneStates),
    };
  }

  async confirm(): Promise<boolean> {
    const isThere = await this.#client.confirm();
    if (!isThere) await this.#takeUp();
    return isThere;
  }

  async finish(isEarly: boolean): Promise<boolean> {
    if (await this.#client.finish({ endsRun: isEarly && this.isChief })) return true;
    await this.#takeUp();
    return false;
  }

  async dispose(): Promise<void> {
    await this.#workerStep.dispose();
    this.#parameters.dispose();
    this.#whole?.dispose();
  }

  /** Continues from the step, lanes and state at which the client joined. */
  async #takeUp(): Promise<void> {
    const { model } = this.#options;
    const { lanes, laneStates } = this.#client;
    if (lanes.from !== this.#workerStep.lanes.from || lanes.to !== this.#workerStep.lanes.to) {
      await this.#workerStep.dispose();
      const values = { parameters: this.#parameters, pulled: this.#pulled };
      this.#workerStep = await createWorkerStep(this.#options, values, lanes);
    }
    const width = laneWidth(model);
    const rows = laneStates.subarray(lanes.from * width, lanes.to * width);
    for (const [name, values] of Object.entries(unpackRecurrent(model, rows)))
      this.#workerStep.recurrent.write(name, values);
    unpackLosses(model, rows, this.#workerStep.losses);
    if (!this.#workerStep.begin) this.#installParameters();
  }

  #installParameters(): void {
    for (const [name, values] of Object.entries(this.#pulled)) this.#parameters.write(name, values);
  }
}

function emptyParameters(model: Trainable): Arrays {
  const shapes = Object.entries(model.parameters);
  return Object.fromEntries(shapes.map(([name, shape]) => [name, new Float32Array(elementCount(shape))]));
}

/** The resident parameters that a worker computes with, and the arrays that it pulls into. */
interface Values {
  readonly parameters: Residents;
  readonly pulled: Arrays;
}

function createWorkerStep(
  options: WorkerOptions,
  { parameters, pulled }: Values,
  lanes: LaneRange,
): Promise<WorkerStep> {
  const { training, tables } = options;
  if (isStaged(options)) return createStagedStep(options, pulled, lanes);
  if (tables) return createRowStep(options, tables, parameters, lanes);
  const create = training.mode.name === 'local' ? createLocalRound : createGradientStep;
  return create(options, parameters, lanes);
}
