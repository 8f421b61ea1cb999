/** The gradient of an embedding as the rows that a batch looked up. It is compact, as a batch repeats many words. */
import type { GradientRows } from '@unroll/param-server/client';

/**
 * Sums the rows of each distinct id, in the order of the tokens.
 * @param ids one id per token
 * @param tokenRows `[ids.length, width]`, a row for each token; overwritten
 */
export function sumTokenRows(ids: Int32Array, tokenRows: Float32Array): GradientRows {
  const width = tokenRows.length / ids.length;
  const rowOf = (token: number) => tokenRows.subarray(token * width, (token + 1) * width);
  const firstTokens = new Map<number, number>();
  for (const [token, id] of ids.entries()) {
    const first = firstTokens.get(id);
    if (first === undefined) firstTokens.set(id, token);
    else addTo(rowOf(first), rowOf(token));
  }
  const rows = Int32Array.from(firstTokens.keys()).sort();
  const values = new Float32Array(rows.length * width);
  for (const [k, id] of rows.entries()) values.set(rowOf(firstTokens.get(id)!), k * width);
  return { rows, values };
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}
