/** Cuts recordings into the frames that features are computed of, in plain numbers; the features are `log-mel.ts`'s. */

export interface LogMelConfig {
  /** In Hz. */
  readonly sampleRate: number;
  /** Samples of a frame. */
  readonly frameLength: number;
  /** Samples from a frame's start to the next one's. */
  readonly hop: number;
  /** Points of the Fourier transform; frames are padded to it with zeros. */
  readonly fftLength: number;
  readonly mels: number;
}

/** Frames of 25 ms every 10 ms, 40 mels: the usual front end, for this rate. */
export function logMelConfig(sampleRate: number): LogMelConfig {
  const frameLength = Math.round(0.025 * sampleRate);
  const fftLength = 2 ** Math.ceil(Math.log2(frameLength));
  return { sampleRate, frameLength, hop: Math.round(0.01 * sampleRate), fftLength, mels: 40 };
}

/** How many frames lie in so many samples; a frame is whole. */
export function frameCount(samples: number, { frameLength, hop }: LogMelConfig): number {
  return samples < frameLength ? 0 : 1 + Math.floor((samples - frameLength) / hop);
}

/** The frames of a recording, row after row: [frames, frameLength]. */
export function framesOf(samples: Float32Array, config: LogMelConfig): Float32Array<ArrayBuffer> {
  const { frameLength, hop } = config;
  const count = frameCount(samples.length, config);
  const frames = new Float32Array(count * frameLength);
  for (let k = 0; k < count; k++) frames.set(samples.subarray(k * hop, k * hop + frameLength), k * frameLength);
  return frames;
}

/** The root of the mean square of a recording that is as loud as all others. */
const loudness = 0.1;

/** The recording, as loud as all others; silence stays silent. */
export function levelled(samples: Float32Array): Float32Array {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return power > 0 ? samples.map((sample) => (sample * loudness) / Math.sqrt(power)) : samples;
}
