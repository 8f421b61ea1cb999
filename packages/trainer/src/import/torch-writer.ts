/**
 * Writes tensors in the format in which `torch.save` writes a `state_dict`: a zip of their bytes and of a pickle that
 * describes them. `torch.load` reads it, also with `weights_only`.
 */
import { elementCount } from '@unroll/core/onnx';
import { zipSync } from 'fflate';
import type { NamedArray } from '../checkpoint/safetensors.js';

/** Returns the bytes of the file. Tensors with the same array share a storage, as PyTorch's tied weights do. */
export function encodeTorchFile(tensors: ReadonlyMap<string, NamedArray>): Uint8Array {
  const storageKeys = new Map<Float32Array, string>();
  for (const { values } of tensors.values()) {
    if (!storageKeys.has(values)) storageKeys.set(values, `${storageKeys.size}`);
  }
  const text = (contents: string) => new TextEncoder().encode(contents);
  const storages = [...storageKeys].map(([{ buffer, byteOffset, byteLength }, key]) => {
    return [`model/data/${key}`, new Uint8Array(buffer, byteOffset, byteLength)] as const;
  });
  return zipSync(
    {
      'model/data.pkl': pickle(tensors, storageKeys),
      'model/byteorder': text('little'),
      ...Object.fromEntries(storages),
      'model/version': text('3\n'),
    },
    // PyTorch maps the storages from the file, so they must not be compressed.
    { level: 0 },
  );
}

/** Builds the pickle from the few operations of protocol 2 that are needed; see pickle.ts. */
function pickle(
  tensors: ReadonlyMap<string, NamedArray>,
  storageKeys: ReadonlyMap<Float32Array, string>,
): Uint8Array<ArrayBuffer> {
  const emptyDictionary = [global('collections', 'OrderedDict'), ')R'];
  const entries = [...tensors].flatMap(([name, { shape, values }]) => {
    const storage = [
      string('storage'),
      global('torch', 'FloatStorage'),
      string(storageKeys.get(values)!),
      string('cpu'),
    ];
    const id = tuple([...storage, integer(values.length)]);
    const parts = [id, 'Q', integer(0), integers(shape), integers(strides(shape)), '\x89', ...emptyDictionary];
    return [string(name), global('torch._utils', '_rebuild_tensor_v2'), tuple(parts), 'R'];
  });
  return Uint8Array.from(Buffer.from(['\x80\x02', ...emptyDictionary, '(', ...entries, 'u.'].join(''), 'latin1'));
}

function global(module: string, name: string): string {
  return `c${module}\n${name}\n`;
}

function string(text: string): string {
  const bytes = Buffer.from(text);
  return `X${uint32(bytes.length)}${bytes.toString('latin1')}`;
}

function integer(value: number): string {
  return `J${uint32(value)}`;
}

function integers(values: readonly number[]): string {
  return tuple(values.map(integer));
}

function tuple(items: readonly string[]): string {
  return `(${items.join('')}t`;
}

function uint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
}

/** The strides of a row-major tensor, in elements. */
function strides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}
