/** Selects the values of greatest magnitude in an array by counting, in time linear in the array's length. */

/** Compares magnitudes as bit patterns, which sort the same way. */
const magnitudeBits = 0x7fff_ffff;
const lowBits = 15;

/**
 * Returns the ascending indices of the `count` values of greatest magnitude; among equal ones, the first. Zeros are
 * never selected.
 */
export function largest(values: Float32Array, count: number): number[] {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const high = rankAmong(bits, count, (magnitude) => magnitude >>> lowBits, 1 << (31 - lowBits));
  const low = rankAmong(
    bits,
    count - high.above,
    (magnitude) => (magnitude >>> lowBits === high.value ? magnitude & ((1 << lowBits) - 1) : undefined),
    1 << lowBits,
  );
  const threshold = high.value * 2 ** lowBits + low.value;
  let ties = count - high.above - low.above;
  const chosen: number[] = [];
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & magnitudeBits;
    if (magnitude === 0 || magnitude < threshold) continue;
    if (magnitude > threshold || ties-- > 0) chosen.push(i);
  }
  return chosen;
}

/** Returns the greatest key that at least `count` keys reach, and how many keys are above it. */
function rankAmong(
  bits: Uint32Array,
  count: number,
  keyOf: (magnitude: number) => number | undefined,
  keys: number,
): { value: number; above: number } {
  const histogram = new Uint32Array(keys);
  for (let i = 0; i < bits.length; i++) {
    const key = keyOf(bits[i]! & magnitudeBits);
    if (key !== undefined) histogram[key]! += 1;
  }
  let above = 0;
  for (let value = keys - 1; value > 0; value--) {
    if (above + histogram[value]! >= count) return { value, above };
    above += histogram[value]!;
  }
  return { value: 0, above };
}
