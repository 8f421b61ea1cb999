/** Converts the floating-point formats of tensor files, little-endian, to float32, in which we compute. */

/** Bytes per value, by the name of the format in safetensors. */
export const bytesPerValue = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const;

export type FloatFormat = keyof typeof bytesPerValue;

export function isFloatFormat(name: string): name is FloatFormat {
  return Object.hasOwn(bytesPerValue, name);
}

/**
 * Converts values to float32, in memory of their own. float64 values are rounded; the others fit exactly. `bytes` need
 * not be aligned.
 */
export function toFloat32(format: FloatFormat, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  // slice() would not do: it does not copy a Buffer.
  const { buffer } = new Uint8Array(bytes);
  switch (format) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float32Array(new Float64Array(buffer));
    case 'BF16':
      return new Float32Array(shifted(new Uint16Array(buffer)).buffer);
    case 'F16':
      return fromHalves(new Uint16Array(buffer));
  }
}

// Loops, because `from` with a function takes a hundred times as long for the values of a large model.

/** The bits of bfloat16 values as those of float32 values. */
function shifted(halves: Uint16Array): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(halves.length);
  for (let k = 0; k < halves.length; k++) result[k] = halves[k]! << 16;
  return result;
}

function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(halves.length);
  for (let k = 0; k < halves.length; k++) result[k] = halfToNumber(halves[k]!);
  return result;
}

/** IEEE 754 binary16: a sign bit, 5 bits of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
