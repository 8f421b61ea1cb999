/**
 * Reads HDF5 files through jsfive, which throws strings, errors and, in damaged files, whatever its own code meets: all of it becomes
 * one line here. Names may be padded with NULs, as h5py before version 3 wrote them.
 */
import { elementCount } from '@unroll/core';
import { Dataset, File, Group } from 'jsfive';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, UnrollError } from '../errors.js';

export class H5File {
  readonly #file: string;
  readonly #root: Group;

  /**
   * @param file for errors
   * @throws UnrollError naming the file if it is damaged
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, file: string) {
    this.#file = file;
    this.#root = this.#reading(() => new File(bytes.buffer, file));
  }

  /** The names in a group; none if there is no such group. */
  keys(path: string): readonly string[] {
    return this.#reading(() => (this.#group(path)?.keys ?? []).map(withoutPadding));
  }

  /** An attribute of a group, its strings without padding; undefined if there is none. */
  attribute(path: string, name: string): unknown {
    return this.#reading(() => {
      const value = this.#group(path)?.attrs[name];
      if (Array.isArray(value)) return value.map((each) => (typeof each === 'string' ? withoutPadding(each) : each));
      return typeof value === 'string' ? withoutPadding(value) : value;
    });
  }

  /**
   * The values of a dataset as float32; undefined if there is none.
   * @param what names it in errors
   * @throws UnrollError if they are no floating-point numbers of 16, 32 or 64 bits
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

  /** Returns the object at a path; undefined if there is none, which jsfive says by a string. */
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

/** Why jsfive refuses a file, in brackets; nothing where its own code has failed, whose errors say nothing of the file. */
function reasonOf(error: unknown): string {
  return isOfCode(error) ? '' : ` (${firstLine(error)})`;
}

/** Whether it is a TypeError or the like, and no refusal. */
function isOfCode(error: unknown): boolean {
  return error instanceof Error && error.constructor !== Error;
}

/** `<f4` or the like; for formats that jsfive does not know, such as the one of bfloat16 in `.h5`, what it says of them. */
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
