/** Finds a model's `state_dict` in a file of `torch.save`, wherever a training script stores it. */
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { Unread } from './pickle.js';
import { TensorView } from './torch-pickle.js';

export interface StateDict {
  readonly entries: ReadonlyMap<string, unknown>;
  /** Paths of the objects beside it, such as `'optimizer'` or `'args'`. */
  readonly beside: readonly string[];
}

/** The greatest depth at which scripts store it, as in `checkpoint['net']['state_dict']`. */
const greatestDepth = 4;

interface Dictionary {
  readonly path: readonly string[];
  readonly entries: ReadonlyMap<unknown, unknown>;
}

/**
 * Finds the only dictionary with a recurrent layer's tensors or, if none has any, the only dictionary of tensors.
 * @throws UnrollError naming the file, and the dictionaries if there are several
 */
export function findStateDict(value: unknown, file: string): StateDict {
  if (value instanceof Unread) {
    throw new UnrollError(
      `${file}: is a whole object of ${value.name}, and nothing of it was executed; save its tensors alone: torch.save(model.state_dict(), FILE)`,
    );
  }
  const dictionaries = dictionariesIn(value, [], new Set());
  const ofTensors = dictionaries.filter(isOfTensors);
  const recurrent = ofTensors.filter(hasRecurrentLayer);
  requireNoQuantization(recurrent.length > 0 ? recurrent : dictionaries, file);
  const [found, ...others] = recurrent.length > 0 ? recurrent : ofTensors;
  if (!found) {
    throw new UnrollError(
      `${file}: holds no dictionary of tensors; save the model's: torch.save(model.state_dict(), FILE)`,
    );
  }
  if (others.length > 0) {
    const paths = [found, ...others].map(({ path }) =>
      path.length === 0 ? 'the file itself' : path.map((key) => `['${key}']`).join(''),
    );
    throw new UnrollError(
      `${file}: holds ${paths.length} dictionaries of tensors, ${paths.join(', ')}; save the one to import: torch.save(torch.load('${file}')${pathText(others[0]!)}, FILE)`,
    );
  }
  const beside = dictionaries.flatMap(({ path, entries }) => {
    const isAround = path.length < found.path.length && path.every((key, depth) => key === found.path[depth]);
    const inner = found.path[path.length];
    return isAround
      ? [...entries.keys()]
          .map(String)
          .filter((key) => key !== inner)
          .map((key) => [...path, key].join('.'))
      : [];
  });
  return { entries: found.entries as ReadonlyMap<string, unknown>, beside };
}

/**
 * Checks that no weight is quantized.
 * @throws UnrollError naming what torch.ao.quantization has put in place of a weight
 */
function requireNoQuantization(dictionaries: readonly Dictionary[], file: string): void {
  for (const { path, entries } of dictionaries) {
    for (const [key, value] of entries) {
      const isQuantized = value instanceof Unread && value.name === 'torch._utils._rebuild_qtensor';
      if (!isQuantized && !/(^|\.)(_packed_params|_all_weight_values)(\.|$)/.test(String(key))) continue;
      throw new UnrollError(
        `${file}: '${[...path, key].join('.')}' is of a quantized model, whose weights are not read; save the float model, as it was before torch.ao.quantization, and quantize the bundle with 'unroll export ${option('quantization')}'`,
      );
    }
  }
}

function pathText({ path }: Dictionary): string {
  return path.map((key) => `['${key}']`).join('');
}

/** Returns all dictionaries, also those in lists; each once, however often it is referred to. */
function dictionariesIn(value: unknown, path: readonly string[], seen: Set<unknown>): Dictionary[] {
  if (!(value instanceof Map || Array.isArray(value)) || seen.has(value) || path.length > greatestDepth) return [];
  seen.add(value);
  const entries: ReadonlyMap<unknown, unknown> = value instanceof Map ? value : new Map(value.entries());
  const inner = [...entries].flatMap(([key, each]) => dictionariesIn(each, [...path, String(key)], seen));
  return [{ path, entries }, ...inner];
}

function isOfTensors({ entries }: Dictionary): boolean {
  const hasTensors = [...entries.values()].some((each) => each instanceof TensorView && each.shape.length > 0);
  return hasTensors && [...entries.keys()].every((key) => typeof key === 'string');
}

function hasRecurrentLayer({ entries }: Dictionary): boolean {
  return [...entries.keys()].some((key) => /(^|\.)weight_ih_l0(_raw)?$/.test(String(key)));
}
