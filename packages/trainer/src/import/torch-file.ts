/** Reads the tensors of a PyTorch model from what `torch.save` or safetensors wrote, as float32. No code is executed. */
import { elementCount } from '@unroll/core';
import { bytesPerValue, isFloatFormat, toFloat32 } from '../checkpoint/float-formats.js';
import { decodeSafetensors, type NamedArray } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';
import { type NamedTensors, shapeText } from './named-tensors.js';
import { PickleError } from './pickle.js';
import { readTorchPickle, TensorView } from './torch-pickle.js';
import { unzip } from './unzip.js';

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The tensors of a `state_dict` by name, recognised by the file's contents.
 * @param file for errors
 * @throws UnrollError naming the file if it is neither kind, is damaged, or holds anything but tensors
 */
export function decodeTorchFile(bytes: Bytes, file: string): NamedTensors {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return decodeZip(bytes, file);
  if (bytes[8] === '{'.charCodeAt(0)) return new Map(Object.entries(decodeSafetensors(bytes, file)));
  if (bytes[0] === 0x80) {
    throw new UnrollError(
      `${file}: is a pickle of PyTorch before 1.6; if you trust it, save it again with a newer PyTorch: torch.save(torch.load('${file}', map_location='cpu'), '${file}')`,
    );
  }
  throw new UnrollError(`${file}: is neither a file of torch.save nor of safetensors; save model.state_dict()`);
}

function decodeZip(bytes: Bytes, file: string): NamedTensors {
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
  const views = stateDict(parsePickle(description[pickle]!, file), file);
  const storageNames = new Set([...views.values()].map(({ storage }) => `${root}data/${storage.key}`));
  const storages = unzip(bytes, file, (name) => storageNames.has(name));
  const decode = storageDecoder(storages, `${root}data/`);
  return new Map(
    [...views].map(([name, view]): [string, NamedArray] => {
      try {
        return [name, { shape: view.shape, values: gather(view, decode(view)) }];
      } catch (error) {
        if (error instanceof PickleError) throw new UnrollError(`${file}: tensor '${name}' ${error.message}`);
        throw error;
      }
    }),
  );
}

function parsePickle(bytes: Uint8Array, file: string): unknown {
  try {
    return readTorchPickle(bytes);
  } catch (error) {
    if (error instanceof PickleError) throw new UnrollError(`${file}: ${error.message}`);
    throw error;
  }
}

/** The state_dict that `value` is, or that it holds beside other things, as training scripts save it. */
function stateDict(value: unknown, file: string): ReadonlyMap<string, TensorView> {
  const candidates = value instanceof Map ? [value, ...value.values()] : [];
  const found = candidates.filter(isStateDict);
  if (found.length === 1) return found[0]!;
  const what = found.length > 1 ? `${found.length} dictionaries of tensors` : 'no dictionary of tensors';
  throw new UnrollError(`${file}: holds ${what}; save the model's own: torch.save(model.state_dict(), '${file}')`);
}

function isStateDict(value: unknown): value is ReadonlyMap<string, TensorView> {
  if (!(value instanceof Map) || value.size === 0) return false;
  return [...value].every(([name, tensor]) => typeof name === 'string' && tensor instanceof TensorView);
}

/** A function that gives a tensor's whole storage as float32; storages that tensors share are decoded once. */
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

/** The elements that a view shows of its storage, row-major. */
function gather({ offset, shape, strides }: TensorView, storage: Float32Array): Float32Array {
  const count = elementCount(shape);
  if (count === 0) return new Float32Array();
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, offset);
  // A count above the storage's is that of a view which repeats elements, and a way to ask for any amount of memory.
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
