// Random numbers and bytes that depend on a seed and a number alone, and the encodings that all messages share.
import { seededRandom } from '@unroll/core/decoding';

/** The random function of one message. */
export function randomOf(seed, who, number) {
  return seededRandom(
    Number(BigInt.asUintN(53, BigInt(seed) * 0x9e3779b97f4a7c15n + BigInt(number) * 2n + BigInt(who === 'worker'))),
  );
}

export const pick = (random, values) => values[Math.floor(random() * values.length)];

export function randomBytes(random, length) {
  return Buffer.from(Uint8Array.from({ length }, () => 256 * random()));
}

/** Encodes a non-negative integer, modulo 2^64, as Protocol Buffers do. */
export function varint(value) {
  if (value < 128) return Buffer.of(Number(value));
  const bytes = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}

/** Prefixes a message as gRPC does. */
export function grpcFrame(message, { compressed = 0, length = message.length } = {}) {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** A frame of a bulk connection. */
export function bulkFrame(
  kind,
  message = Buffer.alloc(0),
  data = Buffer.alloc(0),
  lengths = [message.length, data.length],
) {
  const head = Buffer.alloc(12);
  for (const [k, value] of [kind, ...lengths].entries()) head.writeUInt32LE(value >>> 0, 4 * k);
  return Buffer.concat([head, message, data]);
}

/** Changes the bytes as noise on a line or a confused program would. */
export const byteChanges = {
  'flipped bits': (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let k = 0; k <= 4 * random() && copy.length > 0; k++)
      copy[Math.floor(random() * copy.length)] ^= 1 << (8 * random());
    return copy;
  },
  'cut off': (bytes, random) => bytes.subarray(0, Math.floor(random() * bytes.length)),
  'parts swapped': (bytes, random) => {
    const at = Math.floor(random() * bytes.length);
    return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
  },
  'part repeated': (bytes, random) => {
    const from = Math.floor(random() * bytes.length);
    const part = bytes.subarray(from, from + Math.floor(40 * random()));
    return Buffer.concat([
      bytes.subarray(0, from),
      ...Array(1 + Math.floor(10 * random())).fill(part),
      bytes.subarray(from),
    ]);
  },
  'random bytes': (_, random) => randomBytes(random, Math.floor(300 * random() ** 3)),
};
