/**
 * The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. We write float32, and read
 * the other floating-point formats as float32.
 * https://github.com/huggingface/safetensors#format
 */
import { elementCount } from '@unroll/core/onnx';
import { z } from 'zod';
import { UnrollError } from '../errors.js';
import { bytesPerValue, isFloatFormat, toFloat32 } from './float-formats.js';

export interface NamedArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** Encodes a safetensors file as parts to be written one after another; the tensors' bytes are not copied. */
export function encodeSafetensors(tensors: Readonly<Record<string, NamedArray>>): Uint8Array[] {
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape] as const);
  return [...safetensorsHeader(shapes), ...Object.values(tensors).map(({ values }) => bytesOf(values))];
}

/**
 * Encodes the beginning of a safetensors file. The values follow it as float32, little-endian, tensor after tensor.
 * @param shapes of the tensors, with their names, in the order of their values
 */
export function safetensorsHeader(
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
): Uint8Array[] {
  const header: [string, HeaderEntry][] = [];
  let offset = 0;
  for (const [name, shape] of shapes) {
    const end = offset + elementCount(shape) * bytesPerValue.F32;
    header.push([name, { dtype: 'F32', shape: [...shape], data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = JSON.stringify(Object.fromEntries(header));
  // Readers map the file into memory: padding the header aligns the tensors.
  const headerBytes = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  return [length, headerBytes];
}

/** The bytes of a tensor as stored in a file. */
export interface StoredTensor {
  /** The stored type, such as `F32` or `I64`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Decodes the tensors of a safetensors file.
 * @throws UnrollError naming `file` if the bytes are not a safetensors file, or contain a tensor that is not
 *   floating-point
 */
export function decodeSafetensors(data: Uint8Array, file: string): Record<string, NamedArray> {
  const { tensors } = parseSafetensors(data, file);
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, decodeStored(tensor, name, file)]));
}

/**
 * Decodes one stored tensor.
 * @throws UnrollError naming `file` and the tensor if it is not floating-point
 */
export function decodeStored({ dtype, shape, bytes }: StoredTensor, name: string, file: string): NamedArray {
  if (isFloatFormat(dtype)) return { shape, values: toFloat32(dtype, bytes) };
  throw damaged(file, `tensor '${name}' is ${dtype}, expected ${Object.keys(bytesPerValue).join(', ')}`);
}

/**
 * Parses a safetensors file without copying any of its contents.
 * @throws UnrollError naming `file` if it is damaged, or if its tensors overlap: with overlaps, a small file could
 *   claim any amount of memory
 */
export function parseSafetensors(
  data: Uint8Array,
  file: string,
): { tensors: Record<string, StoredTensor>; metadata: Readonly<Record<string, unknown>> } {
  if (data.length < 8) throw damaged(file, `only ${data.length} bytes`);
  const headerLength = Number(new DataView(data.buffer, data.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > data.length - 8) throw damaged(file, 'its header is longer than the file; was it cut off?');
  const { __metadata__: metadata, ...entries } = parseHeader(data.subarray(8, 8 + headerLength), file);
  const body = data.subarray(8 + headerLength);
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const [begin, end] = data_offsets;
    if (end > body.length) throw damaged(file, `tensor '${name}' ends after the file; was it cut off?`);
    if (isFloatFormat(dtype) && end - begin !== elementCount(shape) * bytesPerValue[dtype]) {
      throw damaged(file, `tensor '${name}' [${shape.join(', ')}] has ${end - begin} bytes`);
    }
    tensors[name] = { dtype, shape, bytes: body.subarray(begin, end) };
  }
  requireDisjoint(entries, file);
  return { tensors, metadata: metadata ?? {} };
}

function requireDisjoint(entries: Readonly<Record<string, HeaderEntry>>, file: string): void {
  const inOrder = Object.entries(entries).toSorted(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  for (const [k, [name, { data_offsets }]] of inOrder.entries()) {
    const before = inOrder[k - 1];
    if (before && data_offsets[0] < before[1].data_offsets[1]) {
      throw damaged(file, `tensors '${before[0]}' and '${name}' overlap; save it again`);
    }
  }
}

const headerSchema = z.object({ __metadata__: z.record(z.string(), z.unknown()).optional() }).catchall(
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

function parseHeader(bytes: Uint8Array, file: string): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw damaged(file, 'its header is not one of tensors');
  }
}

function damaged(file: string, why: string): UnrollError {
  return new UnrollError(`${file}: not a readable safetensors file (${why})`);
}

/** The bytes of a tensor's values, not copied. */
export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
