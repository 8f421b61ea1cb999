/** A parameter server's view of a model: names, shapes and the update rule of the parameters, but not the layers. */
import type { OptimizerConfig } from '@unroll/core/config';

/** A trainable tensor of float32. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Marks a row table: workers hold, and updates change, only the rows along the first axis that a batch uses. The
   * optimizer is applied to these rows alone, like TensorFlow's LazyAdam. State that decays without a gradient decays
   * only at the row's next gradient.
   */
  readonly byRows?: boolean;
}

/** Everything that workers and servers must agree on about the model that they train. */
export interface ModelDescription {
  readonly parameters: readonly ParameterShape[];
  readonly optimizer: OptimizerConfig;
  /** The bound on the global norm of the averaged gradient; undefined for none. */
  readonly clipNorm: number | undefined;
  readonly lanes: LaneTable;
  /**
   * Set where workers go at their own pace and every push is an update: the greatest number of steps ahead of the
   * slowest worker, Infinity for no bound. Undefined where all make each step together.
   */
  readonly staleness?: number | undefined;
  /**
   * Equal for two runs that compute the same; for example, a digest of the configuration and the text. The servers do
   * not continue from snapshots of another run, and refuse its workers.
   */
  readonly run: string;
}

/** The number of sequences in the global batch, and the number of float32 values in a lane's state. */
export interface LaneTable {
  readonly count: number;
  readonly width: number;
}

/**
 * Returns the first difference between two descriptions in words, `theirs` first; undefined if they describe the same
 * model.
 */
export function modelDifference(theirs: ModelDescription, ours: ModelDescription): string | undefined {
  return parameterDifference(theirs.parameters, ours.parameters) ?? updateDifference(theirs, ours);
}

function parameterDifference(theirs: readonly ParameterShape[], ours: readonly ParameterShape[]): string | undefined {
  const ourParameters = new Map(ours.map((parameter) => [parameter.name, parameter]));
  for (const { name, shape, byRows = false } of theirs) {
    const our = ourParameters.get(name);
    if (!our) return `has a parameter '${name}', which the run has not`;
    if (shape.join() !== our.shape.join()) return `has '${name}' as [${shape}], the run has it as [${our.shape}]`;
    if (byRows !== (our.byRows ?? false))
      return `has '${name}' ${byRows ? 'by rows' : 'whole'}, the run has it otherwise`;
    ourParameters.delete(name);
  }
  const [missing] = ourParameters.keys();
  return missing === undefined ? undefined : `has no parameter '${missing}', which the run has`;
}

function updateDifference(theirs: ModelDescription, ours: ModelDescription): string | undefined {
  const [their, our] = [optimizerText(theirs.optimizer), optimizerText(ours.optimizer)];
  if (their !== our) return `uses the optimizer ${their}, the run uses ${our}`;
  if (theirs.clipNorm !== ours.clipNorm) {
    return `clips the gradient's norm to ${theirs.clipNorm ?? 'nothing'}, the run to ${ours.clipNorm ?? 'nothing'}`;
  }
  if (theirs.lanes.count !== ours.lanes.count || theirs.lanes.width !== ours.lanes.width) {
    return `has ${lanesText(theirs.lanes)}, the run ${lanesText(ours.lanes)}`;
  }
  if (theirs.staleness !== ours.staleness) return `has ${paceText(theirs)}, the run ${paceText(ours)}`;
  if (theirs.run !== ours.run) return 'has another training configuration or text than the run';
  return undefined;
}

function lanesText({ count, width }: LaneTable): string {
  return `${count} lanes with a state of ${width} numbers each`;
}

function paceText({ staleness }: ModelDescription): string {
  return staleness === undefined ? 'common steps' : `its own pace, ${staleness} steps ahead at most`;
}

function optimizerText({ name, ...hyperparameters }: OptimizerConfig): string {
  const values = Object.entries(hyperparameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}(${values.map(([key, value]) => `${key} ${value}`).join(', ')})`;
}
