/** Instructions that copy the token's row of a constant table into a vector. */
import type { OnnxTensor } from '@unroll/core/onnx';
import type { Instruction, Machine, MemoryLayout, Vector } from './machine.js';

/** Reads row `token` (axis 0) or column `token` (axis 1) of a table of float32, int8 or uint8, unscaled. */
export function lookup(layout: MemoryLayout, table: OnnxTensor, axis: 0 | 1, y: Vector): Instruction {
  const offset = layout.constant(table.data);
  const tokens = table.shape[axis]!;
  const elementSize = table.dtype === 'float32' ? 4 : 1;
  const elementsIn = ({ float32, int8, bytes }: Machine) =>
    elementSize === 4 ? float32 : table.dtype === 'int8' ? int8 : bytes;
  return (machine) => {
    const elements = elementsIn(machine);
    const start = offset / elementSize + (axis === 0 ? machine.token * y.length : machine.token);
    const stride = axis === 0 ? 1 : tokens;
    const target = y.offset / 4;
    for (let i = 0; i < y.length; i++) machine.float32[target + i] = elements[start + i * stride]!;
  };
}

/**
 * Reads row `token` of a table in blocks, in the format of `GatherBlockQuantized`: integer + 128 or, with 4 bits,
 * integer + 8, the first in the low half of the byte.
 */
export function blockLookup(
  layout: MemoryLayout,
  table: OnnxTensor,
  scales: OnnxTensor,
  bits: 4 | 8,
  blockSize: number,
  y: Vector,
): Instruction {
  const offset = layout.constant(table.data);
  const scaleOffset = layout.constant(scales.data);
  const blocks = Math.ceil(y.length / blockSize);
  return ({ token, bytes, float32 }) => {
    for (let i = 0; i < y.length; i++) {
      const byte = bytes[offset + (((token * y.length + i) * bits) >> 3)]!;
      const integer = bits === 8 ? byte - 128 : (i & 1 ? byte >> 4 : byte & 15) - 8;
      const scale = float32[scaleOffset / 4 + token * blocks + Math.floor(i / blockSize)]!;
      float32[y.offset / 4 + i] = integer * scale;
    }
  };
}
