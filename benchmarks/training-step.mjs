// The training step that several benchmarks time: forward, backward, clipping by global norm and SGD, all in one graph.
import { initialParameters, languageModelConfig, parameterShapes, stateShapes, trainingProgram } from '@unroll/core';
import { lossScalingShapes, mixedTrainingProgram } from '@unroll/core/internal';
import { zeros } from '@unroll/trainer';

const recipe = { optimizer: { name: 'sgd' }, clipNorm: 0.25 };

/** @param configuration a language model's configuration with `batch` and `time` */
export function stepProgram({ batch, time, ...model }, precision = 'float32') {
  const programOf = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  return programOf(languageModelConfig(model), { batch, time }, recipe);
}

/** Returns the step on an engine, and its inputs for each run. */
export async function compileStep(engine, configuration, precision = 'float32') {
  const { batch, time, ...model } = configuration;
  const config = languageModelConfig(model);
  const shapes = parameterShapes(config);
  const initial = initialParameters(config, { seed: 0 });
  const parameters = engine.allocate(
    Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, values: initial[name] }])),
  );
  const scaling = precision === 'mixed' ? lossScalingShapes : {};
  const state = engine.allocate(zeros({ ...stateShapes(config, batch), ...scaling }));
  const executable = await engine.compile(stepProgram(configuration, precision), [parameters, state]);
  return { executable, shapes, inputs: stepInputs(batch * time, config.vocabSize) };
}

function stepInputs(rows, vocabSize) {
  // The ids need only be spread over the vocabulary; the multiplier is coprime to its size.
  const ids = Int32Array.from({ length: rows }, (_, k) => (k * 7919) % vocabSize);
  return {
    ids,
    targets: ids.toReversed(),
    lossWeights: new Float32Array(rows).fill(1 / rows),
    learningRate: Float32Array.of(0.1),
    step: Float32Array.of(1),
  };
}
