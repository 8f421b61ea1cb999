/**
 * Expands Slurm's short form of many host names: `rack[1-2]n[08-10],login` (`scontrol show hostnames` does the same).
 */
import { UnrollError } from '../errors.js';

/**
 * Returns the host names in order; leading zeros are kept.
 * @throws UnrollError quoting a list that is not in that form
 */
export function expandHostlist(list: string): string[] {
  // Commas inside brackets belong to a range.
  return list.split(/,(?![^[\]]*\])/).flatMap((item) => {
    if (!/^([^[\],\s]|\[[\d,-]+\])+$/.test(item)) throw unreadable(list);
    return expandBrackets(item, list);
  });
}

function expandBrackets(item: string, list: string): string[] {
  const [, before, ranges, after] = /^([^[]*)\[([^\]]+)\](.*)$/.exec(item) ?? [];
  if (ranges === undefined) return [item];
  const numbers = ranges.split(',').flatMap((range) => expandRange(range, list));
  return numbers.flatMap((number) => expandBrackets(after!, list).map((rest) => `${before}${number}${rest}`));
}

/** Expands `08-10` to 08, 09, 10. */
function expandRange(range: string, list: string): string[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
  if (first === undefined || Number(last) < Number(first)) throw unreadable(list);
  const length = Number(last) - Number(first) + 1;
  return Array.from({ length }, (_, k) => String(Number(first) + k).padStart(first.length, '0'));
}

function unreadable(list: string): UnrollError {
  return new UnrollError(`SLURM_JOB_NODELIST: cannot read '${list}'; give the servers with --server-addresses`);
}
