/**
 * The safetensors format (float32 only): 8 bytes of header length, a JSON header, then the tensors' bytes.
 * https://github.com/huggingface/safetensors#format
 */
import { UnrollError } from '../errors.js';

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
  const header = JSON.parse(new TextDecoder().decode(data.subarray(8, 8 + headerLength))) as Record<
    string,
    HeaderEntry
  >;
  const body = data.subarray(8 + headerLength);
  const tensors: Record<string, NamedArray> = {};
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [begin, end],
    },
  ] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (dtype !== 'F32') throw damaged(`tensor '${name}' is ${dtype}, expected F32`);
    if (end > body.length) throw damaged(`tensor '${name}' ends after the file; was it cut off?`);
    // A copy, because the bytes need not be aligned; and not by slice(), which does not copy a Buffer.
    tensors[name] = { shape, values: new Float32Array(Uint8Array.from(body.subarray(begin, end)).buffer) };
  }
  return tensors;
}

function bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
