/**
 * Finds the embedding, the recurrent layers and the output among a PyTorch model's modules, by the names in common
 * scripts or by a mapping file.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { option } from '../configuration/option-names.js';
import { firstLine, schemaFault, UnrollError } from '../errors.js';
import { isSame, type NamedArrays } from './named-arrays.js';

/** Paths of modules, such as `rnn` for `rnn.weight_ih_l0`. */
export interface TorchModules {
  readonly embedding: string;
  /** In the order in which they run; each may have several layers. */
  readonly recurrent: readonly string[];
  readonly output: string;
}

/** A tensor of a `state_dict`, stored under the name that the common scripts would give it. */
export interface TorchTensor extends NamedArray {
  /** The tensor's name in the file. */
  readonly name: string;
}

export type TorchTensors = ReadonlyMap<string, TorchTensor>;

const mappingSchema = z.strictObject({
  embedding: z.string().optional(),
  recurrent: z.union([z.string().transform((module) => [module]), z.array(z.string()).min(1)]).optional(),
  output: z.string().optional(),
  /** The nonlinearity of an `nn.RNN`, which its tensors do not show. */
  nonlinearity: z.enum(['tanh', 'relu']).optional(),
});

export type Mapping = z.infer<typeof mappingSchema>;

/**
 * Reads a mapping file.
 * @throws UnrollError naming the file if it is not a mapping
 */
export function readMapping(file: string): Mapping {
  try {
    return mappingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? schemaFault(error) : firstLine(error);
    throw new UnrollError(
      `${file}: is not a mapping (${why}); write {"embedding": "…", "recurrent": ["…"], "output": "…"}, the paths of modules, and of an nn.RNN "nonlinearity": "tanh" or "relu"`,
    );
  }
}

/** Removes from the tensors' names what wrappers add: DataParallel, torch.compile and AWD-LSTM's WeightDrop. */
export function withoutWrappers(tensors: NamedArrays): TorchTensors {
  const unwrapped = new Map<string, TorchTensor>();
  for (const [name, tensor] of tensors) {
    const path = unwrappedPath(name);
    // WeightDrop stores the weights under the name that ends in _raw; a copy to which dropout was applied may be beside
    // them.
    if (name.endsWith('_raw') || !unwrapped.has(path)) unwrapped.set(path, { ...tensor, name });
  }
  return unwrapped;
}

function unwrappedPath(name: string): string {
  const parts = name.split('.').filter((part) => part !== 'module' && part !== '_orig_mod');
  return parts.join('.').replace(/_raw$/, '');
}

const embeddingNames = ['embedding', 'embeddings', 'embed', 'emb', 'word_embeddings', 'encoder'];
const outputNames = ['fc', 'decoder', 'output', 'out', 'linear', 'head', 'lm_head'];

/**
 * Finds the modules.
 * @throws UnrollError saying which part was not found, or found twice, and among which modules
 */
export function findModules(tensors: TorchTensors, mapping: Mapping, file: string): TorchModules {
  const modules = [...new Set([...tensors.keys()].map((path) => path.slice(0, Math.max(path.lastIndexOf('.'), 0))))];
  const require = (part: 'embedding' | 'output', candidates: readonly string[]): string => {
    const found = mapping[part] === undefined ? candidates : [unwrappedPath(mapping[part])];
    if (found.length === 1 && modules.includes(found[0]!)) return found[0]!;
    const what = found.length > 1 ? `more than one ${part} (${found.join(', ')})` : `no ${part}`;
    throw new UnrollError(
      `${file}: has ${what} ${among(modules, tensors)}; say which it is in a ${option('mapping')} file`,
    );
  };
  const embeddings = modules.filter(isNamed(embeddingNames, tensors, 'weight'));
  return {
    embedding: require('embedding', withoutCopies(embeddings, tensors)),
    recurrent: recurrentModules(tensors, modules, mapping, file),
    output: require('output', modules.filter(isNamed(outputNames, tensors, 'weight', 'bias'))),
  };
}

/** Lists the modules for errors. A name without a dot belongs to no module. */
function among(modules: readonly string[], tensors: TorchTensors): string {
  const named = modules.filter((module) => module !== '');
  if (named.length > 0) return `among its modules ${named.join(', ')}`;
  return `among its tensors ${[...tensors.keys()].join(', ')}, whose names have no module`;
}

/** Returns the modules without those that repeat an earlier one's weights, such as the second embedding in fastai's dropout. */
function withoutCopies(modules: readonly string[], tensors: TorchTensors): string[] {
  const weights = (module: string) => tensors.get(`${module}.weight`)!.values;
  return modules.filter((module, k) => !modules.slice(0, k).some((other) => isSame(weights(module), weights(other))));
}

function isNamed(names: readonly string[], tensors: TorchTensors, ...anyOf: readonly string[]) {
  return (module: string) =>
    names.includes(module.slice(module.lastIndexOf('.') + 1)) && anyOf.some((kind) => tensors.has(`${module}.${kind}`));
}

function recurrentModules(tensors: TorchTensors, modules: readonly string[], mapping: Mapping, file: string): string[] {
  const isRecurrent = (module: string) => tensors.has(tensorPath(module, 'weight_ih_l0'));
  const named = mapping.recurrent?.map(unwrappedPath);
  const missing = named?.find((module) => !isRecurrent(module));
  if (missing !== undefined) {
    throw new UnrollError(
      `${file}: has no recurrent layer '${missing}' (no '${missing}.weight_ih_l0'); correct ${option('mapping')}`,
    );
  }
  const found = named ?? modules.filter(isRecurrent).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  if (found.length > 0) return found;
  throw new UnrollError(
    `${file}: has no recurrent layer (no tensor 'weight_ih_l0' as nn.RNN, nn.LSTM and nn.GRU have it) ${among(modules, tensors)}`,
  );
}

/** Returns a tensor's path. A module that is the whole model has no name. */
export function tensorPath(module: string, tensor: string): string {
  return module === '' ? tensor : `${module}.${tensor}`;
}
