/**
 * The files of a checkpoint, of whatever model. `config.json`, `model.safetensors` and, for a language model,
 * `tokenizer.json` are the model. `training-state.json` and `optimizer.safetensors` are for resuming its training; the
 * latter holds the optimizer's slots and, with prefixes, what else training goes on from. `checksums.json` guards them
 * all. What the JSON says is up to the kind of model: `checkpoint.ts` and `tasks/task-checkpoint.ts`.
 */
import type { Shapes } from '@unroll/core';
import { UnrollError } from '../errors.js';
import { type FileContents, type FolderContents, inspectFolder } from '../files/result-folder.js';
import { cardFiles, recordFiles } from '../files/run-files.js';
import { type Arrays, jsonFile, withoutShapes, withPrefix, withShapes } from './arrays.js';
import { readChecksummedFolder, replaceChecksummedFolder } from './checksums.js';
import { isKeptCheckpoint, KeptCheckpoints, type KeptCheckpointsOptions } from './kept-checkpoints.js';
import { decodeSafetensors, encodeSafetensors, type NamedArray } from './safetensors.js';

const modelFiles = ['config.json', 'model.safetensors'] as const;
const tokenizerFile = 'tokenizer.json';
const trainingFiles = ['training-state.json', 'optimizer.safetensors'] as const;
const allFiles = [...trainingFiles, ...modelFiles, tokenizerFile];

/** Arrays that training goes on from beside the slots: the recurrent state of the lanes; the parameters it had reached. */
type Carried = 'recurrent' | 'latest';

/** Arrays with the shapes that they must have. */
export interface ShapedArrays {
  readonly shapes: Shapes;
  readonly arrays: Arrays;
}

/** A model to write. */
export interface ModelContents {
  /** The kind of model, such as `language-model`. */
  readonly kind: string;
  readonly config: object;
  readonly parameters: ShapedArrays;
  /** JSON of the tokenizer, if the model has one of its own file. */
  readonly tokenizer?: object | undefined;
}

/** The state of a training to write. */
export interface TrainingContents {
  readonly state: object;
  readonly slots: ShapedArrays;
  readonly carried: { readonly [Name in Carried]?: ShapedArrays | undefined };
}

/** Examines `folder`, to which a checkpoint may be written. */
export function inspectCheckpoint(folder: string): Promise<FolderContents> {
  return inspectFolder(folder, [...allFiles, 'checksums.json', ...cardFiles], isKeptCheckpoint, recordFiles);
}

/** Returns what keeps the checkpoints of a run beside those that follow. */
export function keptCheckpoints(options: Omit<KeptCheckpointsOptions, 'files'>): KeptCheckpoints {
  return new KeptCheckpoints({ ...options, files: [...allFiles, 'checksums.json'] });
}

/** Examines `folder`, to which a model may be written. A checkpoint that can be resumed counts as foreign. */
export function inspectModel(folder: string): Promise<FolderContents> {
  return inspectFolder(folder, [...modelFiles, tokenizerFile, 'checksums.json']);
}

/**
 * Writes a checkpoint; one without training can do everything except resume it.
 * @returns false where nothing was replaced, because that was no longer due when all was written
 */
export function writeCheckpointFiles(
  folder: string,
  { kind, config, parameters, tokenizer }: ModelContents,
  training?: TrainingContents,
  isDue: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  const files: Record<string, FileContents> = {
    'config.json': jsonFile({ model_type: `${typePrefix}${kind}`, ...config }),
    'model.safetensors': encodeSafetensors(withShapes(parameters.shapes, parameters.arrays)),
    ...(tokenizer && { [tokenizerFile]: jsonFile(tokenizer) }),
  };
  if (training) {
    const { state, slots, carried } = training;
    files['training-state.json'] = jsonFile(state);
    files['optimizer.safetensors'] = encodeSafetensors({
      ...carriedTensors('latest', carried.latest),
      ...withShapes(slots.shapes, slots.arrays),
      ...carriedTensors('recurrent', carried.recurrent),
    });
  }
  return replaceChecksummedFolder(folder, files, { ours: allFiles, isDue });
}

function carriedTensors(carried: Carried, given: ShapedArrays | undefined): Record<string, NamedArray> {
  return given ? withPrefix(prefixOf(carried), withShapes(given.shapes, given.arrays)) : {};
}

const typePrefix = 'unroll-';

/** Returns the prefix of the names in `optimizer.safetensors`. */
const prefixOf = (carried: Carried) => `${carried}/`;

/** The files of a checkpoint, read and verified, whose contents are parsed as they are asked for. */
export class CheckpointFiles {
  readonly #folder: string;
  readonly #files: Readonly<Record<string, Buffer>>;
  readonly #tensors = new Map<string, Record<string, NamedArray>>();

  private constructor(folder: string, files: Readonly<Record<string, Buffer>>) {
    this.#folder = folder;
    this.#files = files;
  }

  /**
   * Reads the files that are needed.
   * @throws UnrollError naming the file that is missing or altered
   */
  static async read(
    folder: string,
    { tokenizer = false, training = false }: { tokenizer?: boolean; training?: boolean } = {},
  ): Promise<CheckpointFiles> {
    const names = [...modelFiles, ...(tokenizer ? [tokenizerFile] : []), ...(training ? trainingFiles : [])];
    return new CheckpointFiles(folder, await readChecksummedFolder(folder, names));
  }

  /** Reads only one file. @throws UnrollError naming it if it is missing or altered */
  static async readOnly(folder: string, name: 'config.json' | 'training-state.json'): Promise<CheckpointFiles> {
    return new CheckpointFiles(folder, await readChecksummedFolder(folder, [name]));
  }

  /** The kind of model, and its configuration; undefined for a file of another program. */
  model(): { readonly kind: string | undefined; readonly config: Readonly<Record<string, unknown>> } {
    const { model_type: type, ...config } = this.json('config.json', requireObject);
    return { kind: String(type).startsWith(typePrefix) ? String(type).slice(typePrefix.length) : undefined, config };
  }

  /**
   * Parses a JSON file.
   * @param parse throws errors that say what is wrong, but not where
   * @throws UnrollError that adds the file's name
   */
  json<Value>(name: 'config.json' | 'tokenizer.json' | 'training-state.json', parse: (json: unknown) => Value): Value {
    try {
      return parse(JSON.parse(this.#files[name]!.toString()));
    } catch (error) {
      const reason = (error as Error).message.replace(`${name}: `, '');
      throw new UnrollError(`${this.#folder}/${name}: ${reason}; was it edited, or does it belong to another model?`, {
        cause: error,
      });
    }
  }

  /** @throws UnrollError naming the tensor that is missing or has another shape */
  parameters(shapes: Shapes): Arrays {
    return this.#arrays('model.safetensors', shapes);
  }

  /** @throws UnrollError naming the tensor that is missing or has another shape */
  slots(shapes: Shapes): Arrays {
    return this.#arrays('optimizer.safetensors', shapes);
  }

  /**
   * Returns the parameters that training had reached.
   * @throws UnrollError naming the tensor that is missing or has another shape
   */
  latest(shapes: Shapes): Arrays {
    return this.#arrays('optimizer.safetensors', shapes, prefixOf('latest'));
  }

  /**
   * Returns the recurrent state of the lanes; undefined at the start of an epoch.
   * @throws UnrollError naming the tensor that is missing or has another shape
   */
  recurrent(shapes: Shapes): Arrays | undefined {
    const prefix = prefixOf('recurrent');
    const isThere = Object.keys(this.#tensorsOf('optimizer.safetensors')).some((name) => name.startsWith(prefix));
    return isThere ? this.#arrays('optimizer.safetensors', shapes, prefix) : undefined;
  }

  #arrays(name: string, shapes: Shapes, prefix = ''): Arrays {
    return withoutShapes(`${this.#folder}/${name}`, shapes, this.#tensorsOf(name), prefix);
  }

  #tensorsOf(name: string): Record<string, NamedArray> {
    const known = this.#tensors.get(name);
    if (known) return known;
    const tensors = decodeSafetensors(this.#files[name]!, `${this.#folder}/${name}`);
    this.#tensors.set(name, tensors);
    return tensors;
  }
}

function requireObject(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new Error('is not an object');
}
