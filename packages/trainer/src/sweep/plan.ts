/** The runs of a sweep: every combination of listed values, or random draws, as words of `unroll train`. */
import { createHash } from 'node:crypto';
import { presentOption } from '../configuration/former-names.js';
import { UsageError } from '../errors.js';

/** One run of a sweep. */
export interface PlannedRun {
  /** Its folder's name: its index and the values that it has. */
  readonly name: string;
  /** The flags that distinguish it from the others. */
  readonly words: readonly string[];
}

export interface SweepSpace {
  /** Each `option=value,value`. */
  readonly grid: readonly string[];
  /** Each `option=uniform:low..high`, `option=loguniform:low..high` or `option=value,value`. */
  readonly random: readonly string[];
  /** Draws for each point of the grid. */
  readonly trials: number;
  readonly seed: number;
  /** Returns whether a flag, such as `--hidden-dim`, takes integers, or no value at all. */
  readonly kindOf: (flag: string) => 'integer' | 'toggle' | 'other';
}

type Setting = readonly [option: string, value: string];

/**
 * Returns the runs, the same for the same space.
 * @throws UsageError naming the option that cannot be read
 */
export function planOf({ grid, random, trials, seed, kindOf }: SweepSpace): PlannedRun[] {
  const lists = grid.map((text) => listOf('--grid', text));
  const draws = random.map((text) => drawOf(text, seed, kindOf));
  const options = [...lists, ...draws].map(({ option }) => option);
  const repeated = options.find((option, k) => options.indexOf(option) !== k);
  if (repeated !== undefined) throw new UsageError(`--grid: ${repeated} is given twice; give all its values at once`);
  const points = lists.reduce<Setting[][]>(
    (all, { option, values }) => all.flatMap((point) => values.map((value): Setting[] => [...point, [option, value]])),
    [[]],
  );
  const count = draws.length === 0 ? 1 : trials;
  const runs = points.flatMap((point, k) =>
    Array.from({ length: count }, (_, trial): Setting[] => [
      ...point,
      ...draws.map(({ option, draw }): Setting => [option, draw(k * count + trial)]),
    ]),
  );
  const digits = String(runs.length - 1).length;
  return runs.map((settings, index) => ({
    name: nameOf(String(index).padStart(digits, '0'), settings),
    words: settings.flatMap(([option, value]) => wordsOf(option, value, kindOf)),
  }));
}

/** Splits at commas; a comma within a value follows a backslash. */
function listOf(flag: string, text: string): { option: string; values: string[] } {
  const [, option, rest] = /^(?:--)?([a-z][a-z-]*)=(.+)$/s.exec(text) ?? [];
  if (option === undefined || rest === undefined) {
    throw new UsageError(
      `${flag}: '${text}' cannot be read; write an option and its values, as in learning-rate=0.1,0.01`,
    );
  }
  const values = rest.split(/(?<!\\),/).map((value) => value.replaceAll('\\,', ',').trim());
  if (values.includes(''))
    throw new UsageError(`${flag}: a value of ${option} is blank; write values between single commas`);
  return { option: presentOption(option), values };
}

function drawOf(text: string, seed: number, kindOf: SweepSpace['kindOf']) {
  const { option, values } = listOf('--random', text);
  const uniformAt = (index: number) => {
    const bytes = createHash('sha256')
      .update(JSON.stringify([seed, index, option]))
      .digest();
    return bytes.readUIntBE(0, 6) / 2 ** 48;
  };
  const [, kind, from, to] = /^(uniform|loguniform):(.+)\.\.(.+)$/.exec(values.join(',')) ?? [];
  if (kind === undefined) {
    return { option, draw: (index: number) => values[Math.floor(uniformAt(index) * values.length)]! };
  }
  const [low, high] = [Number(from), Number(to)];
  if (!(low < high && Number.isFinite(low) && Number.isFinite(high)) || (kind === 'loguniform' && low <= 0)) {
    throw new UsageError(
      `--random: '${text}' is no range; write two numbers, the lower one first${kind === 'loguniform' ? ' and above 0' : ''}, as in learning-rate=loguniform:0.001..0.1`,
    );
  }
  const isInteger = kindOf(`--${option}`) === 'integer';
  const draw = (index: number) => {
    const share = uniformAt(index);
    const value = kind === 'uniform' ? low + share * (high - low) : low * (high / low) ** share;
    // Four digits: the folder's name and the command then say exactly what was drawn.
    return String(isInteger ? Math.round(value) : Number(value.toPrecision(4)));
  };
  return { option, draw };
}

function wordsOf(option: string, value: string, kindOf: SweepSpace['kindOf']): string[] {
  const flag = `--${option}`;
  if (kindOf(flag) !== 'toggle') return [flag, value];
  if (value !== 'true' && value !== 'false') {
    throw new UsageError(`--grid: ${option} is on or off; give true, false or both, not '${value}'`);
  }
  return value === 'true' ? [flag] : [];
}

/** A name that every file system can hold. */
function nameOf(index: string, settings: readonly Setting[]): string {
  const labels = settings.map(([option, value]) => `${option}=${value}`.replaceAll(/[^\w.=+-]+/g, '_'));
  return [index, ...labels].join('-').slice(0, 120);
}
