/** What a parameter server must know of a model: names and shapes, and the rule by which parameters are updated. Not its layers. */
import type { OptimizerConfig } from '@unroll/core';

/** A trainable tensor of float32. */
export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** All that workers and servers must agree on about the model that they train. */
export interface ModelDescription {
  readonly parameters: readonly ParameterShape[];
  readonly optimizer: OptimizerConfig;
  /** The bound on the global norm of the averaged gradient; undefined for none. */
  readonly clipNorm: number | undefined;
}

/** The first difference between two descriptions in words, `theirs` first; undefined if they describe the same model. */
export function modelDifference(theirs: ModelDescription, ours: ModelDescription): string | undefined {
  return parameterDifference(theirs.parameters, ours.parameters) ?? updateDifference(theirs, ours);
}

function parameterDifference(theirs: readonly ParameterShape[], ours: readonly ParameterShape[]): string | undefined {
  const ourShapes = new Map(ours.map(({ name, shape }) => [name, shape]));
  for (const { name, shape } of theirs) {
    const ourShape = ourShapes.get(name);
    if (!ourShape) return `has a parameter '${name}', which the run has not`;
    if (shape.join() !== ourShape.join()) return `has '${name}' as [${shape}], the run has it as [${ourShape}]`;
    ourShapes.delete(name);
  }
  const [missing] = ourShapes.keys();
  return missing === undefined ? undefined : `has no parameter '${missing}', which the run has`;
}

function updateDifference(theirs: ModelDescription, ours: ModelDescription): string | undefined {
  const [their, our] = [optimizerText(theirs.optimizer), optimizerText(ours.optimizer)];
  if (their !== our) return `uses the optimizer ${their}, the run uses ${our}`;
  if (theirs.clipNorm !== ours.clipNorm) {
    return `clips the gradient's norm to ${theirs.clipNorm ?? 'nothing'}, the run to ${ours.clipNorm ?? 'nothing'}`;
  }
  return undefined;
}

function optimizerText({ name, ...hyperparameters }: OptimizerConfig): string {
  const values = Object.entries(hyperparameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}(${values.map(([key, value]) => `${key} ${value}`).join(', ')})`;
}
