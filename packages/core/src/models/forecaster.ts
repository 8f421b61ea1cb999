/**
 * Forecasts several time series at once. An LSTM reads a window of the past; a linear layer turns its last output into
 * all steps of the horizon. A linear autoregression of each series is added, as in LSTNet (Lai et al. 2018, section
 * 3.5). Values are taken relative to the window's last, as in NLinear (Zeng et al. 2023), so that a drift of the level
 * does no harm. With one series and a horizon of one step it is the predictor of anomaly detection.
 */
import * as tf from '@tensorflow/tfjs-core';
import { recurrentNetwork } from '../recurrent/network.js';
import { recurrentNetworkConfig, recurrentParameterShapes } from '../recurrent/network-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';
import type { ForecasterConfig } from './application-configs.js';
import { forwardProgram, type LossFunction } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';

/** The parameters' shapes by name: `lstm.0.*`, `output.kernel`, `output.bias`, `autoregression.kernel`. */
export function forecasterParameterShapes(config: ForecasterConfig): Shapes {
  const { series, context, horizon, hiddenDim } = config;
  return {
    ...recurrentParameterShapes(networkOf(config)),
    'output.kernel': [hiddenDim, horizon * series],
    'output.bias': [horizon * series],
    'autoregression.kernel': [context, horizon],
  };
}

/**
 * The mean squared error of a batch.
 *
 * The batch: `window` [context, batch, series] and `future` [horizon, batch, series], scaled to about unit variance;
 * `weights` [batch], each window's weight; and with dropout the mask `dropout.0` [batch, hidden].
 */
export function forecasterLoss(config: ForecasterConfig, batch: number): LossFunction {
  const { series, horizon, hiddenDim, dropout } = config;
  return {
    parameters: forecasterParameterShapes(config),
    inputs: {
      ...windowInput(config, batch),
      future: { shape: [horizon, batch, series], dtype: 'float32' },
      weights: { shape: [batch], dtype: 'float32' },
      ...(dropout > 0 ? float32Inputs({ 'dropout.0': [batch, hiddenDim] }) : {}),
    },
    loss: (parameters, inputs) => {
      const errors = tf.square(tf.sub(forecastOf(config, parameters, inputs), inputs.future!));
      return tf.sum(tf.mul(tf.mean(errors, [0, 2]), inputs.weights!));
    },
  };
}

/** Forecasts: takes `window` [context, batch, series], outputs `forecast` [horizon, batch, series], both scaled. */
export function forecastProgram(config: ForecasterConfig, batch: number): Program {
  return forwardProgram(forecasterParameterShapes(config), windowInput(config, batch), (parameters, inputs) => ({
    forecast: forecastOf(config, parameters, inputs),
  }));
}

function windowInput({ context, series }: ForecasterConfig, batch: number): Record<string, TensorSpec> {
  return { window: { shape: [context, batch, series], dtype: 'float32' } };
}

function forecastOf(config: ForecasterConfig, parameters: NamedTensors, inputs: NamedTensors): tf.Tensor {
  const { context, horizon, series, hiddenDim } = config;
  const window = inputs.window!;
  const batch = window.shape[1]!;
  const level = tf.slice(window, [context - 1, 0, 0], [1, batch, series]);
  const relative = tf.sub(window, level); // [context, batch, series]
  const { state } = recurrentNetwork(networkOf(config), parameters, relative);
  const mask = inputs['dropout.0'];
  const hidden = mask ? tf.mul(state['h.0']!, mask) : state['h.0']!;
  const ahead = tf.add(
    tf.matMul(tf.reshape(hidden, [batch, hiddenDim]), parameters['output.kernel']!),
    parameters['output.bias']!,
  );
  const recurrent = tf.transpose(tf.reshape(ahead, [batch, horizon, series]), [1, 0, 2]);
  const past = tf.reshape(relative, [context, batch * series]) as tf.Tensor2D;
  const linear = tf.matMul(parameters['autoregression.kernel'] as tf.Tensor2D, past, true);
  return tf.add(tf.add(recurrent, tf.reshape(linear, [horizon, batch, series])), level);
}

function networkOf({ series, hiddenDim }: ForecasterConfig) {
  return recurrentNetworkConfig({ cell: 'lstm', inputDim: series, hiddenDim });
}
