/**
 * Computes the gradient of a worker's lanes as `gradient-step.ts` does, but in three stages that run on a thread of
 * their own: the recurrent layers, the output layer, and back through the recurrent layers. So the output layer's
 * parameters may arrive during the first stage, and its gradients leave during the last. With a large vocabulary they
 * are half of the traffic or more.
 */
import { gradientOf, nextOf } from '@unroll/core/onnx';
import type { LaneRange } from '@unroll/param-server/client';
import type { Arrays } from '../../checkpoint/arrays.js';
import type { Residents, StagedProgram } from '../../engines/engine.js';
import type { Inputs, TrainingBatch } from './batch-source.js';
import { gradientsByName } from './gradient-step.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions } from './learner.js';
import type { WorkerStep } from './worker-step.js';

export interface WorkerOptions extends LearnerOptions {
  /** Whether the servers are so far away that computing during transfers pays; it costs some extra processor time. */
  readonly overlaps: boolean;
}

/** Whether a step is computed in stages. This requires a separate output layer. */
export function isStaged({ engine, model, training, tables, overlaps }: WorkerOptions): boolean {
  const isPossible = engine.compileStages !== undefined && model.outputLayer !== undefined && tables === undefined;
  return overlaps && isPossible && training.mode.name === 'sync';
}

/**
 * Creates the step of a worker that computes in stages.
 * @param parameters by name; after each run, a stage replaces the arrays that it read
 */
export async function createStagedStep(
  { engine, model, batchesOf }: LearnerOptions,
  parameters: Arrays,
  lanes: LaneRange,
): Promise<WorkerStep> {
  const count = lanes.to - lanes.from;
  const names = Object.keys(model.parameters);
  const states = Object.keys(model.stateShapes(count));
  const outputLayer = model.outputLayer!;
  const batches = batchesOf(lanes);
  const stages = [states.map(nextOf), ['tokenLosses', ...outputLayer.map(gradientOf)]];
  const program = model.rowGradientProgram!(batches.shape!);
  const staged = await engine.compileStages!(program, stages, new Set([...names, ...states]));
  for (const name of names) staged.values[name]!.set(parameters[name]!);
  const adopt = (): void => {
    for (const name of names) parameters[name] = staged.values[name]!;
  };
  adopt();
  const recurrent = new NextStates(staged, states);
  const losses = new LaneLosses(count);
  let batch!: TrainingBatch;
  let filled!: Inputs;
  const run = async (stage: number): Promise<void> => {
    await staged.run(stage, filled);
    adopt();
  };
  const gradientsOf = (some: readonly string[]) => gradientsByName(some, staged.values, filled.ids);
  const others = names.filter((name) => !outputLayer.includes(name));
  return {
    lanes,
    recurrent,
    losses,
    first: new Set(names.filter((name) => staged.reads(0).has(name))),
    begin: async (step) => {
      batch = batches.batchAt(step);
      if (batch.beginsEpoch) recurrent.clear();
      for (const name of states) staged.values[name]!.set(await recurrent.read(name));
      filled = batch.fill();
      await run(0);
    },
    compute: async (_, learningRate) => {
      await run(1);
      const later = run(2).then(() => gradientsOf(others));
      const loss = losses.add(batch, staged.values);
      return { loss, gradients: gradientsOf(outputLayer), later, learningRate };
    },
    dispose: () => staged.dispose(),
  };
}

/** The states that a step ends with and the next one starts from: outputs of the program. */
class NextStates implements Residents {
  constructor(
    private readonly staged: StagedProgram,
    readonly names: readonly string[],
  ) {}

  async read(name: string): Promise<Float32Array> {
    return this.staged.values[nextOf(name)]!;
  }

  write(name: string, values: Float32Array): void {
    this.staged.values[nextOf(name)]!.set(values);
  }

  clear(): void {
    for (const name of this.names) this.staged.values[nextOf(name)]!.fill(0);
  }

  dispose(): void {
    // The states are freed with the program.
  }
}
