/** Draws cases of every kernel that is lowered, and composite ones, by seed, and collects what differs. */
import { arrayCases } from './array-cases.js';
import { compositeCase } from './composite-cases.js';
import { compare, type FuzzCase, type Verdict } from './differential.js';
import { Draw } from './drawing.js';
import { elementwiseCases, type Generator } from './elementwise-cases.js';
import { imageCases } from './image-cases.js';

/** The generators of cases, by kernel; `composite` has chains of ops. */
export const generators: Readonly<Record<string, Generator>> = {
  ...elementwiseCases,
  ...arrayCases,
  ...imageCases,
  composite: compositeCase,
};

/** The share of composite cases. */
const compositeShare = 0.15;

export interface Finding {
  readonly seed: number;
  readonly kernel: string;
  readonly verdict: Verdict;
  /** The case's settings and inputs. */
  readonly detail: string;
}

/** Draws the case of a seed; each seed has one kernel. */
export function caseOf(seed: number): { kernel: string; fuzzCase: FuzzCase } {
  const draw = new Draw(seed);
  const kernels = Object.keys(generators).filter((name) => name !== 'composite');
  const kernel = draw.chance(compositeShare) ? 'composite' : kernels[seed % kernels.length]!;
  return { kernel, fuzzCase: generators[kernel]!(draw) };
}

/** Runs the cases of the seeds from `first` on, one after another. */
export async function* fuzz(first: number, count: number): AsyncGenerator<Finding> {
  for (let seed = first; seed < first + count; seed++) {
    const { kernel, fuzzCase } = caseOf(seed);
    const verdict = await compare(fuzzCase);
    const detail = JSON.stringify({
      settings: fuzzCase.settings,
      gradients: fuzzCase.gradients,
      inputs: shown(fuzzCase),
    });
    yield { seed, kernel, verdict, detail };
  }
}

/** Inputs with NaN and infinities as words, which JSON does not have. */
function shown({ inputs }: FuzzCase): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, values, dtype = 'float32' }]) => [
      name,
      `${dtype} [${shape}] ${values.slice(0, 12).join(' ')}`,
    ]),
  );
}
