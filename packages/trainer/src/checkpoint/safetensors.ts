/**
 * The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. float32 is written; the other
 * floating-point formats are read as float32.
 * https://github.com/huggingface/safetensors#format
 */
import { elementCount } from '@unroll/core';
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

/** The bytes of a safetensors file, as parts to be written one after another: the tensors' bytes are not copied. */
export function encodeSafetensors(tensors: Readonly<Record<string, NamedArray>>): Uint8Array[] {
  const header: Record<string, HeaderEntry> = {};
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape: [...shape], data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = JSON.stringify(header);
  // Readers map the file: the header is padded so that the tensors are aligned.
  const headerBytes = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  return [length, headerBytes, ...Object.values(tensors).map(({ values }) => bytes(values))];
}

/**
 * The tensors in the bytes of a safetensors file.
 * @throws UnrollError naming `file` if the bytes are not such a file
 */
export function decodeSafetensors(data: Uint8Array, file: string): Record<string, NamedArray> {
  const damaged = (why: string) => new UnrollError(`${file}: not a readable safetensors file (${why})`);
  if (data.length < 8) throw damaged(`only ${data.length} bytes`);
  const headerLength = Number(new DataView(data.buffer, data.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > data.length - 8) throw damaged('its header is longer than the file; was it cut off?');
  const header = parseHeader(data.subarray(8, 8 + headerLength), damaged);
  const body = data.subarray(8 + headerLength);
  const tensors: Record<string, NamedArray> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [begin, end] = data_offsets;
    if (!isFloatFormat(dtype)) {
      throw damaged(`tensor '${name}' is ${dtype}, expected ${Object.keys(bytesPerValue).join(', ')}`);
    }
    if (end > body.length) throw damaged(`tensor '${name}' ends after the file; was it cut off?`);
    if (end - begin !== elementCount(shape) * bytesPerValue[dtype]) {
      throw damaged(`tensor '${name}' [${shape.join(', ')}] has ${end - begin} bytes`);
    }
    tensors[name] = { shape, values: toFloat32(dtype, body.subarray(begin, end)) };
  }
  return tensors;
}

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

/** The header's tensors, without what else it says about the file. */
function parseHeader(bytes: Uint8Array, damaged: (why: string) => UnrollError): Record<string, HeaderEntry> {
  try {
    const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return headerSchema.parse(entries);
  } catch {
    throw damaged('its header is not one of tensors');
  }
}

function bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
