/** For tests: encodes recordings of one channel as 16-bit WAV files. */

/**
 * Encodes samples.
 * @param samples in [−1, 1)
 */
export function encodeWav(samples: Float32Array, sampleRate = 8000): Buffer {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (const [k, sample] of samples.entries()) bytes.writeInt16LE(Math.trunc(32767 * sample), 44 + 2 * k);
  return bytes;
}
