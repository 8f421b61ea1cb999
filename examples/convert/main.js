// Converts a model of TensorFlow.js to ONNX in the page, runs both on the same inputs, and shows outputs and times.
import * as tf from '@tensorflow/tfjs';
import { toOnnx } from '@unroll/core';
import * as ort from 'onnxruntime-web/wasm';

/** The sizes with which open dimensions are run. */
const sizes = { batch: 2, time: 24, other: 96 };
const runs = 9;

ort.env.wasm.numThreads = 1; // more need cross-origin isolation
const find = (selector) => document.querySelector(selector);
const button = find('#convert');

button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    find('#status').textContent = 'Converting…';
    const backend = find('#backend').value;
    if (!(await tf.setBackend(backend))) throw new Error(`This browser has no ${backend}; choose cpu.`);
    await show(await chosenModel());
  } catch (error) {
    find('#status').textContent = error.message;
  } finally {
    button.disabled = false;
  }
});

async function show(model) {
  const bytes = await toOnnx(model);
  const session = await ort.InferenceSession.create(bytes);
  const inputs = session.inputMetadata.map(randomInput);
  const feeds = Object.fromEntries(await Promise.all(inputs.map(onnxInput)));
  const onnx = await timed(async () => {
    const outputs = await session.run(feeds);
    return session.outputNames.map((name) => outputs[name].data);
  });
  const tensorflow = await timed(() => predict(model, inputs));
  await session.release();

  for (const [id, { milliseconds, outputs }] of Object.entries({ tensorflow, onnx })) {
    const [, time, values] = find(`#${id}`).children;
    time.textContent = milliseconds.toFixed(2);
    values.textContent = Array.from(outputs[0].slice(0, 5), (value) => Number(value).toFixed(5)).join(', ');
  }
  const difference = Math.max(...onnx.outputs.map((values, k) => largestDifference(values, tensorflow.outputs[k])));
  find('table').hidden = false;
  find('#difference').textContent = `Largest difference: ${difference.toExponential(1)}`;
  find('#status').textContent = `Converted: ${bytes.length} bytes. TensorFlow.js runs on ${tf.getBackend()}.`;
  showFile(bytes);
}

function showFile(bytes) {
  URL.revokeObjectURL(find('#saved a')?.href);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = 'model.onnx';
  link.textContent = 'Save model.onnx';
  find('#saved').replaceChildren(link);
}

/** The model of the chosen files; without any, a bidirectional LSTM over sequences of any length. */
async function chosenModel() {
  const files = [...find('#files').files].sort((a, b) => b.name.endsWith('.json') - a.name.endsWith('.json'));
  if (files.length > 0) {
    const { format, modelTopology } = JSON.parse(await files[0].text());
    const isGraph = format === 'graph-model' || modelTopology.node;
    return (isGraph ? tf.loadGraphModel : tf.loadLayersModel)(tf.io.browserFiles(files));
  }
  const lstm = tf.layers.lstm({ units: 32, returnSequences: true });
  return tf.sequential({
    layers: [
      tf.layers.bidirectional({ layer: lstm, mergeMode: 'concat', inputShape: [null, 16] }),
      tf.layers.globalMaxPooling1d(),
      tf.layers.dense({ units: 5, activation: 'softmax' }),
    ],
  });
}

function randomInput({ name, type, shape }) {
  const dimensions = shape.map((size) =>
    typeof size === 'number' ? size : (sizes[/(batch|time)$/.exec(size)?.[1]] ?? sizes.other),
  );
  const isFloat = type === 'float32';
  return { name, type, tensor: tf.randomUniform(dimensions, 0, isFloat ? 1 : 2, isFloat ? 'float32' : 'int32') };
}

async function onnxInput({ name, type, tensor }) {
  return [name, new ort.Tensor(type, await tensor.data(), tensor.shape)];
}

async function predict(model, inputs) {
  const given = Object.fromEntries(inputs.map(({ name, tensor }) => [name, tensor]));
  const outputs = [model.executeAsync ? await model.executeAsync(given) : model.predict(Object.values(given))].flat();
  const values = await Promise.all(outputs.map((output) => output.data()));
  tf.dispose(outputs);
  return values;
}

/** The outputs, and the median time of several runs after a first one. */
async function timed(run) {
  const outputs = await run();
  const times = [];
  for (let k = 0; k < runs; k++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return { outputs, milliseconds: times.sort((a, b) => a - b)[Math.floor(runs / 2)] };
}

function largestDifference(values, others) {
  return values.reduce((most, value, k) => Math.max(most, Math.abs(Number(value) - Number(others[k]))), 0);
}
