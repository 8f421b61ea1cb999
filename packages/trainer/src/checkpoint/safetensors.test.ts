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

test.each([
  ['F16', Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00), [1, -2, 2 ** -24, Number.POSITIVE_INFINITY]],
  ['BF16', Uint16Array.of(0x3f80, 0xc000, 0x0080, 0x7f80), [1, -2, 2 ** -126, Number.POSITIVE_INFINITY]],
  ['F64', Float64Array.of(1, -2, 0.1, 1e300), [1, -2, Math.fround(0.1), Number.POSITIVE_INFINITY]],
])('tensors of %s are read as float32', (dtype, stored, expected) => {
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    tensor: { dtype, shape: [4], data_offsets: [0, stored.byteLength] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const bytes = Buffer.concat([length, Buffer.from(header), new Uint8Array(stored.buffer)]);
  expect([...decodeSafetensors(bytes, 'model.safetensors').tensor!.values]).toEqual(expected);
});

test('tensors that overlap are refused, by which a small file could claim any amount of memory', () => {
  const bytes = Buffer.concat(encodeSafetensors(tensors));
  const overlapping = Buffer.from(bytes.toString('latin1').replace('[12,28]', '[8,24] '), 'latin1');
  expect(() => decodeSafetensors(overlapping, 'x')).toThrow(
    "x: not a readable safetensors file (tensors 'bias' and 'kernel' overlap",
  );
});

test.each([
  ['no JSON', 'no header', 'its header is not one of tensors'],
  ['another description', '{"tensor": {"dtype": "F32"}}', 'its header is not one of tensors'],
  ['integers', '{"ids": {"dtype": "I64", "shape": [0], "data_offsets": [0, 0]}}', "tensor 'ids' is I64, expected F32"],
  ['another size', '{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 0]}}', "tensor 'a' [2] has 0 bytes"],
])('a header with %s is refused', (_, header, reason) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  expect(() => decodeSafetensors(Buffer.concat([length, Buffer.from(header)]), 'x.safetensors')).toThrow(reason);
});
