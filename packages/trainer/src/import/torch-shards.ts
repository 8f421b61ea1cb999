/**
 * Reads a PyTorch model in one file or several. In Hugging Face's format, `model.safetensors.index.json` and
 * `pytorch_model.bin.index.json` say which of the files beside them holds which tensor.
 */
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, schemaFault, UnrollError } from '../errors.js';
import { readWholeFile } from './read-file.js';
import { decodeTorchFile, type TorchFile } from './torch-file.js';

const fileBeside = z.string().regex(/^[^/\\]+$/, 'must name files beside it');
const indexSchema = z.object({ weight_map: z.record(z.string(), fileBeside) });

/**
 * Reads a file, or all files of an index.
 * @throws UnrollError naming the file that is missing or damaged; the signal's reason when it aborts
 */
export async function readTorchFile(file: string, signal: AbortSignal): Promise<TorchFile> {
  const bytes = await readWholeFile(file, signal);
  if (bytes[0] !== '{'.charCodeAt(0)) {
    const read = decodeTorchFile(bytes, file);
    const [, stem, end] = /^(.*)-\d{5}-of-\d{5}(\.\w+)$/.exec(basename(file)) ?? [];
    if (stem === undefined) return read;
    throw new UnrollError(
      `${file}: is one of several files of a model; give the index beside it, ${stem}${end}.index.json`,
    );
  }
  const { weight_map: places } = parseIndex(bytes, file);
  const tensors = new Map<string, NamedArray>();
  const unread: string[] = [];
  for (const name of new Set(Object.values(places))) {
    const path = join(dirname(file), name);
    const shard = decodeTorchFile(await readWholeFile(path, signal), path);
    for (const [tensor, array] of shard.tensors) {
      if (tensors.has(tensor))
        throw new UnrollError(`${path}: tensor '${tensor}' stands in another file, too; save the model again`);
      tensors.set(tensor, array);
    }
    unread.push(...shard.unread);
  }
  const missing = Object.keys(places).find((tensor) => !tensors.has(tensor) && !unread.includes(tensor));
  if (missing === undefined) return { tensors, unread };
  throw new UnrollError(
    `${join(dirname(file), places[missing]!)}: lacks tensor '${missing}', which ${file} says it holds; save the model again`,
  );
}

function parseIndex(bytes: Uint8Array, file: string): z.infer<typeof indexSchema> {
  try {
    return indexSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    const why = error instanceof z.ZodError ? schemaFault(error) : firstLine(error);
    throw new UnrollError(
      `${file}: is not an index of a model's files (${why}); give the one that was saved with the model`,
    );
  }
}
