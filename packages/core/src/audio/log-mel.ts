/**
 * Log-mel features as matrix products, the inputs of speech recognizers. They are plain TensorFlow.js on frames of
 * samples. So they run on every backend and can be part of a traced model: a device computes the features that training
 * used. The Fourier transform of a short frame as a product with a matrix costs little beside a recurrent network.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LogMelConfig } from './frames.js';

/** Added to energies before the logarithm, so that silence has a finite one. */
const floor = 1e-6;

/**
 * ln(mel energies + 1e-6) of each frame, under a Hann window.
 * @param frames [frames, frameLength]
 * @returns [frames, mels]
 */
export function logMel(frames: tf.Tensor2D, config: LogMelConfig): tf.Tensor2D {
  const bins = config.fftLength / 2 + 1;
  const spectrum = tf.matMul(frames, tf.tensor2d(windowedFourier(config), [config.frameLength, 2 * bins]));
  const filters = melFilters(config);
  const energies = tf.matMul(tf.square(spectrum), tf.tensor2d([...filters, ...filters], [2 * bins, config.mels]));
  return tf.log(tf.add(energies, floor)) as tf.Tensor2D;
}

/**
 * [frameLength, 2·bins]: a frame times this matrix is its windowed Fourier transform, real parts first, then imaginary
 * parts.
 */
function windowedFourier({ frameLength, fftLength }: LogMelConfig): Float32Array {
  const bins = fftLength / 2 + 1;
  const matrix = new Float32Array(frameLength * 2 * bins);
  for (let n = 0; n < frameLength; n++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / frameLength);
    for (let bin = 0; bin < bins; bin++) {
      const angle = (2 * Math.PI * ((n * bin) % fftLength)) / fftLength;
      matrix[n * 2 * bins + bin] = window * Math.cos(angle);
      matrix[n * 2 * bins + bins + bin] = -window * Math.sin(angle);
    }
  }
  return matrix;
}

/** [bins, mels]: triangular filters over the spectrum, equally wide in mel from 0 Hz to half the sample rate. */
function melFilters({ sampleRate, fftLength, mels }: LogMelConfig): Float32Array {
  const bins = fftLength / 2 + 1;
  const corner = (k: number) => hertz((melOf(sampleRate / 2) * k) / (mels + 1));
  const filters = new Float32Array(bins * mels);
  for (let k = 0; k < mels; k++) {
    const [low, centre, high] = [corner(k), corner(k + 1), corner(k + 2)];
    for (let bin = 0; bin < bins; bin++) {
      const frequency = (bin * sampleRate) / fftLength;
      const [rise, fall] = [(frequency - low) / (centre - low), (high - frequency) / (high - centre)];
      filters[bin * mels + k] = Math.max(0, Math.min(rise, fall));
    }
  }
  return filters;
}

/** Frequency in Hz to mel, O'Shaughnessy (1987): m = 2595·log₁₀(1 + f/700). */
const melOf = (frequency: number) => 2595 * Math.log10(1 + frequency / 700);
const hertz = (mel: number) => 700 * (10 ** (mel / 2595) - 1);
