import { spawnSync } from 'node:child_process';
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

/** The parts of a WAV file. `size` is the length declared in its header, if not the real one. */
function wav(chunks: readonly (readonly [name: string, body: Buffer, size?: number])[], magic = 'RIFF'): Buffer {
  const parts = chunks.map(([name, body, size = body.length]) => {
    const head = Buffer.from(`${name}____`, 'latin1');
    head.writeUInt32LE(size, 4);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat([Buffer.from(`${magic}\xff\xff\xff\xffWAVE`, 'latin1'), ...parts]);
}

/** The format of samples, by default with two channels. */
function format({ kind = 1, bits = 16, channels = 2, rate = 8000 } = {}): [string, Buffer] {
  const body = Buffer.alloc(16);
  body.writeUInt16LE(kind, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rate, 4);
  body.writeUInt16LE(bits, 14);
  return ['fmt ', body];
}

/** Samples of the first channel; the second one is silent. */
function samples16(...values: readonly number[]): Buffer {
  const body = Buffer.alloc(4 * values.length);
  for (const [k, value] of values.entries()) body.writeInt16LE(value, 4 * k);
  return body;
}

const body = samples16(0, 16384, -32768);
const odd = Buffer.from('INFOICMT\x03\0\0\0one', 'latin1');

describe('a WAV file', () => {
  test.each([
    ['as most are', wav([format(), ['data', body]])],
    [
      'with a chunk of odd length and its padding',
      wav([format(), ['LIST', Buffer.concat([odd, Buffer.alloc(1)]), odd.length], ['data', body]]),
    ],
    ['with a chunk of odd length that is not padded', wav([format(), ['LIST', odd], ['data', body]])],
    ['whose program did not know the length: 0', wav([format(), ['data', body, 0]])],
    ['whose program did not know the length: the greatest', wav([format(), ['data', body, 0xffffffff]])],
    ['whose program did not know the length: that of sox', wav([format(), ['data', body, 0x7ffff000]])],
    [
      'with tags of ID3 after it',
      Buffer.concat([wav([format(), ['data', body]]), Buffer.from('ID3\x04\0\0\0\0\x0f\x76TIT2')]),
    ],
    [
      'of more than 4 GB, RF64',
      wav([['ds64', rf64(body.length)], format(), ['data', body, 0xffffffff], ['LIST', odd]], 'RF64'),
    ],
    ['with an extensible header', wav([extensible(16, 1), ['data', body]])],
  ])('%s gives the samples of its first channel', (_, bytes) => {
    const { sampleRate, samples } = readWav(bytes);
    expect(sampleRate).toBe(8000);
    expect([...samples]).toEqual([0, 0.5, -1]);
  });

  test.each([
    ['PCM of 8 bits', { bits: 8 }, [128, 192, 0]],
    ['PCM of 24 bits', { bits: 24 }, [0, 0, 0, 0, 0, 0x40, 0, 0, 0x80]],
    ['PCM of 32 bits', { bits: 32 }, [0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x80]],
    ['floats', { kind: 3, bits: 32 }, [...new Uint8Array(Float32Array.of(0, 0.5, -1).buffer)]],
    ['floats of 64 bits', { kind: 3, bits: 64 }, [...new Uint8Array(Float64Array.of(0, 0.5, -1).buffer)]],
  ])('may be of %s', (_, options, bytes) => {
    const { samples } = readWav(wav([format({ channels: 1, ...options }), ['data', Buffer.from(bytes)]]));
    expect([...samples]).toEqual([0, 0.5, -1]);
  });

  const nan = Buffer.from(Float32Array.of(0, Number.NaN).buffer);

  test.each([
    ['text', Buffer.from('seven, spoken by george'), 'is not a WAV file'],
    [
      'telephone code',
      wav([format({ kind: 7, bits: 8 }), ['data', body]]),
      'is WAV of µ-law with 8 bits, 2 channels and 8000 Hz; convert it to 16-bit PCM',
    ],
    [
      'of no rate',
      wav([format({ rate: 0 }), ['data', body]]),
      'is WAV of PCM with 16 bits, 2 channels and 0 Hz; convert it to 16-bit PCM',
    ],
    ['half of one', wav([format(), ['data', body]]).subarray(0, -6), "its 'data' chunk is cut off"],
    ['the head of one', wav([format()]), "has no 'data' chunk; was it cut off?"],
    ['silence of no length', wav([format(), ['data', Buffer.alloc(0)], ['LIST', odd]]), 'holds no samples'],
    [
      'not of numbers',
      wav([format({ kind: 3, bits: 32, channels: 1 }), ['data', nan]]),
      'holds samples that are not finite; record it again',
    ],
  ])('that is %s is refused', (_, bytes, message) => {
    expect(() => readWav(bytes)).toThrow(new RangeError(message));
  });
});

/** An extensible header for two channels, which names the format by a GUID. */
function extensible(bits: number, kind: number): [string, Buffer] {
  const guid = Buffer.from('00001000800000aa00389b71', 'hex');
  const [, head] = format({ kind: 0xfffe, bits });
  return ['fmt ', Buffer.concat([head, Buffer.from([22, 0, bits, 0, 3, 0, 0, 0, kind, 0, 0, 0]), guid.subarray(2)])];
}

function rf64(length: number): Buffer {
  const body = Buffer.alloc(28);
  body.writeBigUInt64LE(BigInt(length), 8);
  return body;
}

describe('recordings of other programs', () => {
  const has = (program: string) => spawnSync(program, ['-version']).error === undefined;
  const whyNot = (program: string) => (has(program) ? `${program} is here` : `${program} is not here`);
  const tone = wav([
    format({ channels: 1 }),
    ['data', Buffer.from(Int16Array.from({ length: 400 }, (_, k) => 16000 * Math.sin(k / 5)).buffer)],
  ]);
  const original = readWav(tone);
  const convertedBy = (program: string, args: string) => {
    const { stdout, stderr } = spawnSync(program, args.split(' '), { input: tone });
    if (stdout.length === 0) throw new Error(String(stderr));
    return readWav(stdout);
  };

  test
    .skipIf(!has('sox'))
    .each([
      '-t wav - -t wav -',
      '-D -t wav - -b 24 -t wav -',
      '-D -t wav - -b 32 -t wav -',
      '-D -t wav - -e floating-point -b 32 -t wav -',
      '-D -t wav - -e floating-point -b 64 -t wav -',
    ])(`sox ${'%s'} keeps every sample (${whyNot('sox')})`, (args) => {
    expect(convertedBy('sox', args)).toEqual(original);
  });

  test.skipIf(!has('ffmpeg')).each(['pcm_s16le', 'pcm_s24le', 'pcm_s32le', 'pcm_f32le', 'pcm_f64le'])(
    `${'%s'} that ffmpeg writes to a pipe keeps every sample (${whyNot('ffmpeg')})`,
    (codec) => {
      expect(convertedBy('ffmpeg', `-loglevel error -i - -metadata title=odd -acodec ${codec} -f wav -`)).toEqual(
        original,
      );
    },
  );
});
