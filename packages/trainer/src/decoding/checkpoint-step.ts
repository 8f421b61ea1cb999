/** The decoding step of a checkpoint on an engine: what the edge runtime's decoding asks of a model. */
import { decodingProgram, elementCount, parameterShapes, stateShapes } from '@unroll/core';
import type { StepModel } from '@unroll/edge-runtime';
import type { Arrays, Checkpoint } from '../checkpoint/checkpoint.js';
import { type Engine, residentValues, zeros } from '../engines/engine.js';
import { copyAll, disposeAll } from '../engines/residents.js';

/** The state after some tokens is a copy, so that a step can start from any earlier one, as beam search does. */
export async function checkpointStep(
  engine: Engine,
  { config, parameters }: Pick<Checkpoint, 'config' | 'parameters'>,
): Promise<StepModel<Arrays>> {
  const shapes = stateShapes(config, 1);
  const weights = engine.allocate(residentValues(parameterShapes(config), parameters));
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
    dispose: () => disposeAll(executable, [weights, recurrent]),
  };
}
