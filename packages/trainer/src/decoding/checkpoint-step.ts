/** Runs the decoding step of a checkpoint on an engine, as a step model of the edge runtime. */
import { decodingProgram, type LanguageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import type { StepModel } from '@unroll/edge-runtime';
import type { Arrays } from '../checkpoint/arrays.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { type Engine, type Residents, residentValues, zeros } from '../engines/engine.js';
import { copyAll, disposeAll } from '../engines/residents.js';

/** Creates the step model of a checkpoint. */
export async function checkpointStep(
  engine: Engine,
  { config, parameters }: Pick<Checkpoint, 'config' | 'parameters'>,
): Promise<StepModel<Arrays>> {
  const weights = engine.allocate(residentValues(parameterShapes(config), parameters));
  const step = await residentStep(engine, config, weights);
  return {
    ...step,
    dispose: async () => {
      await step.dispose();
      weights.dispose();
    },
  };
}

/**
 * Creates the step model of the current values of the residents `weights`, which it does not dispose of. Each state is a
 * copy, so a step can start from any earlier state, as beam search does.
 */
export async function residentStep(
  engine: Engine,
  config: LanguageModelConfig,
  weights: Residents,
): Promise<StepModel<Arrays>> {
  const shapes = stateShapes(config, 1);
  const recurrent = engine.allocate(zeros(shapes));
  const executable = await engine.compile(decodingProgram(config), [weights, recurrent]);
  return {
    initialState: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, new Float32Array(elementCount(shape))]),
    ),
    async step(state, token) {
      for (const [name, values] of Object.entries(state)) recurrent.write(name, values);
      const { logits } = await executable.run({ ids: Int32Array.of(token) });
      return { logits: logits!.slice(), state: await copyAll(recurrent) };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}
