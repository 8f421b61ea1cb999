/** Cuts recordings into frames, in plain numbers. `log-mel.ts` computes the features of a frame. */

export interface LogMelConfig {
  /** Samples per second, in Hz. */
  readonly sampleRate: number;
  /** Length of a frame, in samples. */
  readonly frameLength: number;
  /** Distance between the starts of two consecutive frames, in samples. */
  readonly hop: number;
  /** Points of the Fourier transform; frames are padded to it with zeros. */
  readonly fftLength: number;
  readonly mels: number;
}

/** The usual front end for a sample rate in Hz: frames of 25 ms every 10 ms, 40 mels. */
export function logMelConfig(sampleRate: number): LogMelConfig {
  const frameLength = Math.round(0.025 * sampleRate);
  const fftLength = 2 ** Math.ceil(Math.log2(frameLength));
  return { sampleRate, frameLength, hop: Math.round(0.01 * sampleRate), fftLength, mels: 40 };
}

/** Number of whole frames in a recording of `samples` samples. */
export function frameCount(samples: number, { frameLength, hop }: LogMelConfig): number {
  return samples < frameLength ? 0 : 1 + Math.floor((samples - frameLength) / hop);
}

/** The frames of a recording, [frames, frameLength], row-major. */
export function framesOf(samples: Float32Array, config: LogMelConfig): Float32Array<ArrayBuffer> {
  const { frameLength, hop } = config;
  const count = frameCount(samples.length, config);
  const frames = new Float32Array(count * frameLength);
  for (let k = 0; k < count; k++) frames.set(samples.subarray(k * hop, k * hop + frameLength), k * frameLength);
  return frames;
}

/** Root mean square of every levelled recording. */
const loudness = 0.1;

/** Scales a recording to a root mean square of 0.1, the same for all recordings; silence stays silent. */
export function levelled(samples: Float32Array): Float32Array {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return power > 0 ? samples.map((sample) => (sample * loudness) / Math.sqrt(power)) : samples;
}
