/**
 * Converts between the ranges of a sparse vector, used for arithmetic, and the rows of its slices, used for transport.
 */
import type { ShardLayout, Slice } from './partition.js';
import { areWorthSelecting, fewAmong, type Part, type RowSelection, type Rows } from './shard-vector.js';
import { RangeList, type Ranges } from './sparse-vector.js';

/** Returns the ranges that the selected rows cover. */
export function rangesOf(parts: readonly Part[], selection: RowSelection): RangeList {
  const list = new RangeList();
  for (const [index, { values, offset }] of parts.entries()) {
    const rows = selection[index];
    if (!rows) list.append(offset, offset + values.length);
    else for (const start of rows.starts) list.append(offset + start, offset + start + rows.length);
  }
  return list;
}

/**
 * Selects the rows of each slice that travel when these ranges have changed: single values if they are few, the whole
 * slice if they cover most of it.
 */
export function rowsWithin({ slices }: ShardLayout, ranges: Ranges): RowSelection {
  let k = 0;
  return slices.map((slice) => {
    const end = slice.offset + slice.length;
    const within: number[] = [];
    while (k < ranges.length && ranges[k + 1]! <= slice.offset) k += 2;
    for (let j = k; j < ranges.length && ranges[j]! < end; j += 2) {
      within.push(Math.max(ranges[j]!, slice.offset) - slice.offset, Math.min(ranges[j + 1]!, end) - slice.offset);
    }
    return selectionOf(slice, within);
  });
}

/** @param ranges within the slice */
function selectionOf({ length, rowLength }: Slice, ranges: Ranges): Rows | undefined {
  const starts = startsOf(ranges, rowLength);
  const elements = starts.length * rowLength;
  if (elementsOf(ranges) <= fewAmong(elements)) return { starts: startsOf(ranges, 1), length: 1 };
  return areWorthSelecting(elements, length) ? { starts, length: rowLength } : undefined;
}

function elementsOf(ranges: Ranges): number {
  let count = 0;
  for (let k = 0; k < ranges.length; k += 2) count += ranges[k + 1]! - ranges[k]!;
  return count;
}

/** Returns where the rows that the ranges touch start, each once. */
function startsOf(ranges: Ranges, rowLength: number): number[] {
  const starts: number[] = [];
  for (let k = 0; k < ranges.length; k += 2) {
    const first = ranges[k]! - (ranges[k]! % rowLength);
    const next = starts.length > 0 ? starts.at(-1)! + rowLength : 0;
    for (let start = Math.max(first, next); start < ranges[k + 1]!; start += rowLength) starts.push(start);
  }
  return starts;
}
