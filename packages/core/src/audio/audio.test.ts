import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { backends } from '../testing/backends.js';
import { readLogMelCases } from '../testing/golden-speech.js';
import { frameCount, framesOf, levelled, logMelConfig } from './frames.js';
import { logMel } from './log-mel.js';
import { readWav } from './wav.js';

const config = logMelConfig(8000);

describe.each(Object.entries(backends))('log-mel features on %s', (_, evaluate) => {
  test.each(readLogMelCases().map((golden) => [golden.signal.length, golden] as const))(
    'of %d samples are those of PyTorch’s stft',
    async (_, { signal, frames, features }) => {
      const values = framesOf(Float32Array.from(signal), config);
      expect(values).toHaveLength(frames * config.frameLength);
      const { outputs } = await evaluate({
        fn: ({ x }) => [logMel(x as tf.Tensor2D, config)],
        inputs: { x: { shape: [frames, config.frameLength], values: [...values] } },
        parameters: [],
        weights: [Array(frames * config.mels).fill(0)],
      });
      expect(outputs[0]).toHaveLength(features.length);
      const furthest = Math.max(...features.map((value, k) => Math.abs(value - outputs[0]![k]!)));
      expect(furthest).toBeLessThan(1e-3);
    },
  );
});

test.each([
  [199, 0],
  [200, 1],
  [279, 1],
  [280, 2],
])('%d samples hold %d whole frames', (samples, frames) => {
  expect(frameCount(samples, config)).toBe(frames);
});

test('recordings are made equally loud, and silence stays silent', () => {
  const power = (samples: Float32Array) => samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length;
  expect(power(levelled(Float32Array.of(0.5, -0.5, 0.25)))).toBeCloseTo(0.01, 6);
  expect(power(levelled(Float32Array.of(0.002, 0, -0.001)))).toBeCloseTo(0.01, 6);
  expect([...levelled(new Float32Array(3))]).toEqual([0, 0, 0]);
});

/** A WAV file of two channels, the second silent, with a chunk of odd length before its data. */
function wav({ bits = 16, samples = [0, 16384, -32768] } = {}): Uint8Array {
  const bytes = Buffer.alloc(12 + 24 + 12 + 8 + 4 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt16LE(bits, 34);
  bytes.write('note', 36);
  bytes.writeUInt32LE(3, 40);
  bytes.write('data', 48);
  bytes.writeUInt32LE(4 * samples.length, 52);
  for (const [k, sample] of samples.entries()) bytes.writeInt16LE(sample, 56 + 4 * k);
  return bytes;
}

describe('a WAV file', () => {
  test('gives the samples of its first channel, whatever chunks come before them', () => {
    const { sampleRate, samples } = readWav(wav());
    expect(sampleRate).toBe(8000);
    expect([...samples]).toEqual([0, 0.5, -1]);
  });

  test.each([
    ['text', new TextEncoder().encode('seven, spoken by george'), 'is not a WAV file'],
    ['24 bits', wav({ bits: 24 }), 'is WAV of format 1 with 24 bits; convert it to 16-bit PCM'],
    ['half of one', wav().subarray(0, 60), "its 'data' chunk is cut off"],
    ['the head of one', wav().subarray(0, 36), "has no 'data' chunk; was it cut off?"],
    ['silence of no length', wav({ samples: [] }), 'holds no samples'],
  ])('that is %s is refused', (_, bytes, message) => {
    expect(() => readWav(bytes)).toThrow(new RangeError(message));
  });
});
