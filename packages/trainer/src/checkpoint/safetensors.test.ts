import { expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';

const tensors = {
  bias: { shape: [3], values: Float32Array.of(1, 2, 3) },
  kernel: { shape: [2, 2], values: Float32Array.of(-1, 0.5, Number.MAX_VALUE, 4) },
};

test.each([
  ['a Uint8Array', (bytes: Buffer) => new Uint8Array(bytes)],
  ['a Buffer', (bytes: Buffer) => bytes],
  [
    'a Buffer that starts anywhere in memory',
    (bytes: Buffer) => Buffer.concat([Buffer.from('abc'), bytes]).subarray(3),
  ],
])('tensors are read back from %s as they were written', (_, present) => {
  const bytes = Buffer.concat(encodeSafetensors(tensors));
  expect(decodeSafetensors(present(bytes), 'model.safetensors')).toEqual(tensors);
});

test.each([
  ['of a few bytes', (bytes: Buffer) => bytes.subarray(0, 5), 'only 5 bytes'],
  ['cut off within its header', (bytes: Buffer) => bytes.subarray(0, 40), 'its header is longer than the file'],
  ['cut off within its tensors', (bytes: Buffer) => bytes.subarray(0, -1), "tensor 'kernel' ends after the file"],
])('a file %s is refused by name', (_, damage, reason) => {
  const bytes = damage(Buffer.concat(encodeSafetensors(tensors)));
  expect(() => decodeSafetensors(bytes, 'run/model.safetensors')).toThrow(`run/model.safetensors: not a readable`);
  expect(() => decodeSafetensors(bytes, 'run/model.safetensors')).toThrow(reason);
});
