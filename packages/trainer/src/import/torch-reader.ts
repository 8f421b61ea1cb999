/** Reads the tensors of one PyTorch file by shape, and records which were read: an import must not ignore any. */
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { isSame, requireShape, shapeText } from './named-arrays.js';
import type { Mapping, TorchTensors } from './torch-modules.js';

/** PyTorch's names for tensors from which it computes a weight, and the call that merges them into one tensor. */
const computedWeights = [
  {
    pattern: /(^|\.)parametrizations\./,
    kind: 'a parametrized weight',
    remedy: 'parametrize.remove_parametrizations',
  },
  { pattern: /(^|\.)(weight|bias)\w*_[gv]$/, kind: 'a normalized weight', remedy: 'remove_weight_norm' },
  { pattern: /(^|\.)(weight|bias)\w*_mask$/, kind: 'a pruned weight', remedy: 'prune.remove' },
  {
    pattern: /(^|\.)(weight|bias)\w*_orig$/,
    kind: 'a weight that is computed',
    remedy: 'remove_spectral_norm or prune.remove',
  },
];

export class TorchReader {
  readonly tensors: TorchTensors;
  readonly file: string;
  readonly #mapping: Mapping;
  readonly #read = new Set<string>();

  constructor(tensors: TorchTensors, mapping: Mapping, file: string) {
    this.tensors = tensors;
    this.#mapping = mapping;
    this.file = file;
  }

  /**
   * Checks that no weight is computed.
   * @throws UnrollError naming a tensor from which a weight is computed
   */
  requirePlainWeights(): void {
    for (const { name } of this.tensors.values()) {
      const computed = computedWeights.find(({ pattern }) => pattern.test(name));
      if (computed === undefined) continue;
      throw new UnrollError(
        `${this.file}: tensor '${name}' is of ${computed.kind}; make it plain before saving: torch.nn.utils.${computed.remedy}`,
      );
    }
  }

  has(path: string): boolean {
    return this.tensors.has(path);
  }

  matrixSize(path: string, layer: string): [number, number] {
    const tensor = this.tensors.get(path);
    const [rows, columns] = tensor?.shape ?? [];
    if (tensor?.shape.length === 2 && rows! > 0 && columns! > 0) return [rows!, columns!];
    const found = tensor ? `is ${shapeText(tensor.shape)}, expected a matrix` : 'is missing';
    const remedy =
      Object.keys(this.#mapping).length > 0
        ? `correct ${option('mapping')}`
        : `say in a ${option('mapping')} file which module it is`;
    throw new UnrollError(`${this.file}: tensor '${tensor?.name ?? path}' of ${layer} ${found}; ${remedy}`);
  }

  read(path: string, layer: string, shape: readonly number[]): Float32Array {
    const tensor = this.tensors.get(path);
    this.#read.add(path);
    return requireShape({ file: this.file, name: tensor?.name ?? path, layer }, tensor, shape);
  }

  /**
   * Checks that every tensor was read.
   * @throws UnrollError naming a tensor that was not read, unless it is a copy of the embedding
   */
  requireNothingLeft(embedding: Float32Array): void {
    for (const [path, { name, shape, values }] of this.tensors) {
      if (this.#read.has(path) || isSame(values, embedding)) continue;
      throw new UnrollError(
        `${this.file}: tensor '${name}' ${shapeText(shape)} ${whatItIs(name)}; a model here has an embedding, recurrent layers in one direction and a linear output, no more`,
      );
    }
  }
}

function whatItIs(name: string): string {
  if (name.endsWith('_reverse')) return 'is of a bidirectional layer';
  return 'is of no layer that is supported';
}
