/** The tensors of one PyTorch file, read by shape, and which of them nobody has read: an import must not ignore any. */
import { UnrollError } from '../errors.js';
import { isSame, requireShape, shapeText } from './named-tensors.js';
import type { TorchTensors } from './torch-modules.js';

export class TorchReader {
  readonly tensors: TorchTensors;
  readonly file: string;
  readonly #read = new Set<string>();

  constructor(tensors: TorchTensors, file: string) {
    this.tensors = tensors;
    this.file = file;
  }

  /** @throws UnrollError naming a tensor of which a weight is computed */
  requirePlainWeights(): void {
    const normalized = [...this.tensors.values()].find(({ name }) => /\.(weight_[gv]|original[01])$/.test(name));
    if (normalized === undefined) return;
    throw new UnrollError(
      `${this.file}: tensor '${normalized.name}' is of a normalized weight; make it plain before saving: torch.nn.utils.remove_weight_norm or torch.nn.utils.parametrize.remove_parametrizations`,
    );
  }

  has(path: string): boolean {
    return this.tensors.has(path);
  }

  matrixSize(path: string, layer: string): [number, number] {
    const tensor = this.tensors.get(path);
    const [rows, columns] = tensor?.shape ?? [];
    if (tensor?.shape.length === 2 && rows! > 0 && columns! > 0) return [rows!, columns!];
    const found = tensor ? `is ${shapeText(tensor.shape)}, expected a matrix` : 'is missing';
    throw new UnrollError(`${this.file}: tensor '${tensor?.name ?? path}' of ${layer} ${found}; correct --mapping`);
  }

  read(path: string, layer: string, shape: readonly number[]): Float32Array {
    const tensor = this.tensors.get(path);
    this.#read.add(path);
    return requireShape({ file: this.file, name: tensor?.name ?? path, layer }, tensor, shape);
  }

  /** @throws UnrollError naming a tensor that was not read, unless it is a copy of the embedding */
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
