/**
 * A layers model to convert. Recurrent layers of TensorFlow.js call their cells step by step, so that the number of
 * steps would be fixed; ours, with the same equations and weights, take their place in a copy of the model.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadLayersModel, replacedLayers } from '../layers/load-layers-model.js';
import { RecurrentLayer } from '../layers/recurrent-layer.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { TraceError } from '../tracing/backend.js';
import { inputType, type ModelSource } from './model-source.js';

type Layer = LayersModel['layers'][number];

export async function layersModelSource(model: LayersModel): Promise<ModelSource> {
  if (!model.inputs?.length) {
    throw new TraceError(`model '${model.name}' is not built; give its first layer an inputShape`);
  }
  const converted = await withOurLayers(model);
  if (converted.stateful) {
    throw new TraceError(
      `model '${model.name}' has stateful layers, whose states ONNX cannot keep; make them stateless`,
    );
  }
  const names = namesOf(model);
  const inputs = model.inputs.map(({ shape, dtype }, k) => {
    const name = names.inputs[k]!;
    return { name, shape, dtype: inputType(name, dtype) };
  });
  const outputNames = distinct(names.outputs, names.inputs);
  return {
    inputs,
    sizes: new Set(converted.weights.flatMap(({ shape }) => shape.map((size) => size ?? 0))),
    run: (tensors) => {
      const given = inputs.map(({ name }) => tensors[name]!);
      const outputs = [converted.apply(given.length === 1 ? given[0]! : given, { training: false })].flat();
      return Object.fromEntries(outputs.map((output, k) => [outputNames[k]!, output])) as NamedTensors;
    },
    dispose: () => {
      if (converted !== model) converted.dispose();
    },
  };
}

/** The names of inputs and outputs. A sequential model has them in the model that it wraps, once it is built. */
function namesOf(model: LayersModel): { inputs: string[]; outputs: string[] } {
  const sequential = model as unknown as { model?: LayersModel; build(): void };
  if (!sequential.model && !model.outputNames?.length) sequential.build();
  const { inputNames, outputNames } = sequential.model ?? model;
  return { inputs: inputNames, outputs: outputNames };
}

/** The names of outputs; one that is taken, by an input or by an output of the same layer, gets a number. */
function distinct(names: readonly string[], taken: readonly string[]): string[] {
  const used = new Set(taken);
  return names.map((name) => {
    let free = name;
    for (let count = 1; used.has(free); count++) free = `${name}_${count}`;
    used.add(free);
    return free;
  });
}

async function withOurLayers(model: LayersModel): Promise<LayersModel> {
  const isReplaced = (layer: Layer) => replacedLayers.has(layer.getClassName()) || isTimeDistributed(layer);
  if (!layersOf(model).some(isReplaced)) return model;
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  const copy = await loadLayersModel(tf.io.fromMemory(saved!));
  // In TensorFlow.js, masked steps within Bidirectional repeat the output of the step before.
  for (const layer of layersOf(copy)) {
    if (layer instanceof RecurrentLayer) layer.zeroOutputForMask = false;
    if (isTimeDistributed(layer)) layer.call = callOnAllSteps;
  }
  return copy;
}

/** A layer that TensorFlow.js calls step by step. */
interface TimeDistributed extends Layer {
  readonly layer: Layer;
}

function isTimeDistributed(layer: Layer): layer is TimeDistributed {
  return layer.getClassName() === 'TimeDistributed';
}

/** Calls the wrapped layer once, with the steps as further examples of the batch. */
function callOnAllSteps(this: Layer, inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  const { layer } = this as TimeDistributed;
  const [x] = [inputs].flat() as [tf.Tensor];
  const [batch, time, ...sizes] = x.shape as [number, number];
  const y = layer.apply(tf.reshape(x, [batch * time, ...sizes]), { training: false }) as tf.Tensor;
  return tf.reshape(y, [batch, time, ...y.shape.slice(1)]);
}

/** All layers, also those within models and wrappers. */
function layersOf(container: { readonly layers: Layer[] }): Layer[] {
  return container.layers.flatMap((layer) => {
    const { layer: wrapped, forwardLayer, backwardLayer } = layer as unknown as Record<string, Layer | undefined>;
    const inner = [wrapped, forwardLayer, backwardLayer].filter((each) => each !== undefined);
    const nested = (layer as unknown as { layers?: Layer[] }).layers ?? [];
    return [layer, ...layersOf({ layers: [...inner, ...nested] })];
  });
}
