/**
 * Reads the tensors of a PyTorch model from a file of `torch.save` or safetensors, as float32. No code is executed, and
 * anything that is not a tensor of the model remains unread.
 */
import { elementCount } from '@unroll/core/onnx';
import { bytesPerValue, isFloatFormat, toFloat32 } from '../checkpoint/float-formats.js';
import { decodeStored, type NamedArray, parseSafetensors } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';
import { type NamedArrays, shapeText } from './named-arrays.js';
import { PickleError, Unread } from './pickle.js';
import { findStateDict } from './state-dict.js';
import { readTorchPickle, TensorView } from './torch-pickle.js';
import { unzip } from './unzip.js';

type Bytes = Uint8Array<ArrayBuffer>;

export interface TorchFile {
  /** The floating-point tensors, by name. */
  readonly tensors: NamedArrays;
  /** Names of the file's other contents: counters, masks, an optimizer, the arguments of a training. */
  readonly unread: readonly string[];
}

/**
 * Decodes the tensors of a `state_dict`; the file's contents tell its format.
 * @param file its name, for errors
 * @throws UnrollError naming the file if it is of neither format or damaged, or naming a weight that is not a
 *   floating-point tensor
 */
export function decodeTorchFile(bytes: Bytes, file: string): TorchFile {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return decodeZip(bytes, file);
  if (bytes[8] === '{'.charCodeAt(0)) return decodeForeignSafetensors(bytes, file);
  if (bytes[0] === 0x80) {
    throw new UnrollError(
      `${file}: is a pickle of PyTorch before 1.6; if you trust it, save it again with a newer PyTorch: torch.save(torch.load('${file}', map_location='cpu'), '${file}')`,
    );
  }
  throw new UnrollError(`${file}: is neither a file of torch.save nor of safetensors; save model.state_dict()`);
}

/** Whether a tensor of this name is a layer's weight, whatever its number format. */
function isWeight(name: string): boolean {
  return /(^|\.)(weight|bias)[^.]*$/.test(name);
}

function decodeForeignSafetensors(bytes: Bytes, file: string): TorchFile {
  const { tensors: stored, metadata } = parseSafetensors(bytes, file);
  if (metadata.format !== undefined && metadata.format !== 'pt') {
    throw new UnrollError(
      `${file}: holds tensors of the format ${JSON.stringify(metadata.format)}, which lays them out otherwise than PyTorch; save the PyTorch model`,
    );
  }
  const tensors = new Map<string, NamedArray>();
  const unread: string[] = [];
  for (const [name, tensor] of Object.entries(stored)) {
    if (isFloatFormat(tensor.dtype) || isWeight(name)) tensors.set(name, decodeStored(tensor, name, file));
    else unread.push(name);
  }
  // safetensors' save_model stores one of several tensors that share their values, and lists the names of the others
  // here.
  for (const [alias, name] of Object.entries(metadata)) {
    const tensor = typeof name === 'string' ? tensors.get(name) : undefined;
    if (tensor && !tensors.has(alias)) tensors.set(alias, tensor);
  }
  return { tensors, unread };
}

function decodeZip(bytes: Bytes, file: string): TorchFile {
  const description = unzip(bytes, file, (name) => /(^|\/)(data\.pkl|byteorder)$/.test(name));
  const pickle = Object.keys(description).find((name) => name.endsWith('data.pkl'));
  if (pickle === undefined) {
    throw new UnrollError(`${file}: is a zip without data.pkl, no file of torch.save's; is it a Keras model?`);
  }
  const root = pickle.slice(0, -'data.pkl'.length);
  const byteOrder = description[`${root}byteorder`];
  if (byteOrder && new TextDecoder().decode(byteOrder) !== 'little') {
    throw new UnrollError(`${file}: was saved on a big-endian machine; save it again on a little-endian one`);
  }
  const { entries, beside } = findStateDict(parsePickle(description[pickle]!, file), file);
  const views = new Map<string, TensorView>();
  const unread = [...beside];
  for (const [name, value] of entries) {
    if (value instanceof TensorView && (isFloatFormat(value.storage.format) || isWeight(name))) views.set(name, value);
    else if (isWeight(name)) throw new UnrollError(`${file}: '${name}' ${whatItIs(value)}`);
    else unread.push(name);
  }
  const storageNames = new Set([...views.values()].map(({ storage }) => `${root}data/${storage.key}`));
  const storages = unzip(bytes, file, (name) => storageNames.has(name));
  return { tensors: decodeViews(views, storages, `${root}data/`, file), unread };
}

function whatItIs(value: unknown): string {
  return value instanceof Unread
    ? `is made by ${value.name}, which is not a floating-point tensor, and was not executed; save the plain tensors: torch.save(model.state_dict(), FILE)`
    : 'is not a tensor; save the plain tensors: torch.save(model.state_dict(), FILE)';
}

function parsePickle(bytes: Uint8Array, file: string): unknown {
  try {
    return readTorchPickle(bytes);
  } catch (error) {
    if (error instanceof PickleError) throw new UnrollError(`${file}: ${error.message}`);
    throw error;
  }
}

/**
 * The greatest ratio of the views' values to the storages' values. PyTorch's own tensors share a storage, but hardly
 * overlap.
 */
const greatestOverlap = 2;

/**
 * Decodes all views.
 * @throws UnrollError naming the tensor that does not fit its storage, or whose values exceed what the file can hold
 */
function decodeViews(
  views: ReadonlyMap<string, TensorView>,
  storages: Record<string, Uint8Array>,
  folder: string,
  file: string,
): Map<string, NamedArray> {
  const decode = storageDecoder(storages, folder);
  const tensors = new Map<string, NamedArray>();
  const known = new Map<string, Float32Array>();
  const lengths = new Map([...views.values()].map(({ storage }) => [storage.key, storage.length]));
  let room = greatestOverlap * [...lengths.values()].reduce((sum, length) => sum + length, 0);
  for (const [name, view] of views) {
    const place = JSON.stringify([view.storage.key, view.offset, view.shape, view.strides]);
    try {
      const values = known.get(place) ?? gather(view, decode(view));
      if (!known.has(place)) room -= values.length;
      if (room < 0) throw new PickleError('overlaps others, which claim more than the file holds; save it again');
      known.set(place, values);
      tensors.set(name, { shape: view.shape, values });
    } catch (error) {
      if (error instanceof PickleError) throw new UnrollError(`${file}: tensor '${name}' ${error.message}`);
      throw error;
    }
  }
  return tensors;
}

/**
 * Returns a function that decodes a tensor's whole storage to float32. A storage that several tensors share is decoded
 * once.
 */
function storageDecoder(files: Record<string, Uint8Array>, folder: string): (view: TensorView) => Float32Array {
  const decoded = new Map<string, Float32Array>();
  return ({ storage: { format, key, length } }) => {
    const known = decoded.get(key);
    if (known) return known;
    const bytes = files[`${folder}${key}`];
    if (!isFloatFormat(format)) throw new PickleError(`holds ${format} values, no floating-point numbers`);
    if (bytes?.length !== length * bytesPerValue[format]) {
      throw new PickleError(`has ${bytes?.length ?? 0} bytes of ${length} ${format} values; was the file cut off?`);
    }
    const values = toFloat32(format, bytes);
    decoded.set(key, values);
    return values;
  };
}

/** Copies the elements of a view from its storage, row-major. */
function gather({ offset, shape, strides }: TensorView, storage: Float32Array): Float32Array {
  const count = elementCount(shape);
  if (count === 0) return new Float32Array();
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
  // A view with more elements than its storage repeats some of them, and could ask for any amount of memory.
  if (strides.length !== shape.length || last >= storage.length || count > storage.length) {
    throw new PickleError(`${shapeText(shape)} does not fit its storage of ${storage.length} values`);
  }
  if (isContiguous(shape, strides)) return storage.slice(offset, offset + count);
  const values = new Float32Array(count);
  const index = shape.map(() => 0);
  for (let k = 0; k < count; k++) {
    values[k] = storage[index.reduce((sum, i, axis) => sum + i * strides[axis]!, offset)]!;
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return values;
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
