/**
 * Reads HDF5 files through jsfive. For damaged files, jsfive throws strings, errors or whatever its own code runs into;
 * here each becomes an error of one line. Names may be padded with NULs, as by h5py before version 3.
 */
import { elementCount } from '@unroll/core/onnx';
import { Dataset, File, Group } from 'jsfive';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, UnrollError } from '../errors.js';

export class H5File {
  readonly #file: string;
  readonly #root: Group;

  /**
   * @param file its name, for errors
   * @throws UnrollError naming the file if it is damaged
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, file: string) {
    this.#file = file;
    this.#root = this.#reading(() => new File(bytes.buffer, file));
  }

  /** Returns the names in a group; none if the group does not exist. */
  keys(path: string): readonly string[] {
    return this.#reading(() => (this.#group(path)?.keys ?? []).map(withoutPadding));
  }

  /** Returns an attribute of a group, its strings without padding; undefined if it does not exist. */
  attribute(path: string, name: string): unknown {
    return this.#reading(() => {
      const value = this.#group(path)?.attrs[name];
      if (Array.isArray(value)) return value.map((each) => (typeof each === 'string' ? withoutPadding(each) : each));
      return typeof value === 'string' ? withoutPadding(value) : value;
    });
  }

  /**
   * Returns the values of a dataset as float32; undefined if it does not exist.
   * @param what the dataset's name in errors
   * @throws UnrollError if the values are not floating-point numbers of 16, 32 or 64 bits
   */
  tensor(path: string, what: string): NamedArray | undefined {
    const dataset = this.#at(path, what);
    if (!(dataset instanceof Dataset)) return undefined;
    if (this.#reading(() => dataset.attrs.dtype, what) === 'bfloat16') {
      throw new UnrollError(
        `${this.#file}: ${what} holds bfloat16 values, which are not read; save the model in float32`,
      );
    }
    const format = formatOf(dataset);
    if (!/^[<>]f[248]$/.test(format)) {
      throw new UnrollError(
        `${this.#file}: ${what} is not of floating-point numbers that are read (${format}); save the model in float32`,
      );
    }
    const shape = this.#reading(() => dataset.shape, what);
    const stored = this.#reading(() => dataset.value as (number | undefined)[], what);
    if (stored.includes(undefined)) {
      throw new UnrollError(`${this.#file}: ${what} has its values in another file; save the whole model in one file`);
    }
    const values = Float32Array.from(stored as number[]);
    if (values.length === elementCount(shape)) return { shape, values };
    throw new UnrollError(`${this.#file}: ${what} has ${values.length} values; was the file cut off?`);
  }

  #group(path: string): Group | undefined {
    if (path === '') return this.#root;
    const found = this.#at(path);
    return found instanceof Group ? found : undefined;
  }

  /** Returns the object at a path; undefined if there is none, for which jsfive throws a string. */
  #at(path: string, what = `'${path}'`): Group | Dataset | undefined {
    try {
      return this.#root.get(path) ?? undefined;
    } catch (error) {
      if (String(error).endsWith('not found in group')) return undefined;
      throw this.#damage(error, what);
    }
  }

  #reading<Value>(read: () => Value, what?: string): Value {
    const { warn } = console;
    // jsfive warns of attributes that it cannot read, with their names as they are: a damaged file could write to the terminal.
    console.warn = () => undefined;
    try {
      return read();
    } catch (error) {
      throw error instanceof UnrollError ? error : this.#damage(error, what);
    } finally {
      console.warn = warn;
    }
  }

  #damage(error: unknown, what?: string): UnrollError {
    const [place, question] =
      what === undefined
        ? ['is not a readable HDF5 file', 'was it']
        : [`${what} cannot be read`, 'is a link to another file (ExternalLink) in its place, or was the file'];
    return new UnrollError(
      `${this.#file}: ${place}${reasonOf(error)}; ${question} cut off, or saved by another version of HDF5? save the whole model in one file`,
    );
  }
}

/**
 * Returns jsfive's reason for refusing a file, in brackets. Empty if its own code failed, as such errors say nothing
 * about the file.
 */
function reasonOf(error: unknown): string {
  return isOfCode(error) ? '' : ` (${firstLine(error)})`;
}

/** Whether the error comes from failing code, such as a TypeError, and is not a refusal. */
function isOfCode(error: unknown): boolean {
  return error instanceof Error && error.constructor !== Error;
}

/**
 * Returns the format, such as `<f4`. For a format that jsfive does not know, such as bfloat16 in `.h5`, returns
 * jsfive's message about it.
 */
function formatOf(dataset: Dataset): string {
  try {
    return String(dataset.dtype);
  } catch (error) {
    return isOfCode(error) ? 'unknown' : firstLine(error);
  }
}

function withoutPadding(name: string): string {
  return name.replace(/\0+$/, '');
}
