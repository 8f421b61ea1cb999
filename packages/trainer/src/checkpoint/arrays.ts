/** The arrays of a checkpoint by name, as its files hold them. */
import type { Shapes } from '@unroll/core';
import { UnrollError } from '../errors.js';
import type { NamedArray } from './safetensors.js';

export type Arrays = Record<string, Float32Array>;

/** Adds the shapes that a file of tensors needs. */
export function withShapes(shapes: Shapes, arrays: Readonly<Arrays>): Record<string, NamedArray> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, values: arrays[name]! }]));
}

export function withPrefix(prefix: string, arrays: Readonly<Record<string, NamedArray>>): Record<string, NamedArray> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${prefix}${name}`, array]));
}

/**
 * Checks the tensors of a file against the shapes that its configuration says.
 * @param prefix of the tensors' names in the file
 * @returns the tensors of these shapes; others in the file are left out
 * @throws UnrollError naming the file and the tensor that is missing or has another shape
 */
export function withoutShapes(
  file: string,
  shapes: Shapes,
  tensors: Readonly<Record<string, NamedArray>>,
  prefix = '',
): Arrays {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const found = tensors[`${prefix}${name}`];
      if (found?.shape.join() === shape.join()) return [name, found.values];
      throw new UnrollError(
        `${file}: tensor '${prefix}${name}' is ${found ? `[${found.shape.join(', ')}]` : 'missing'}, the configuration says [${shape.join(', ')}]; was config.json edited?`,
      );
    }),
  );
}

/** Returns the contents of a JSON file that people may read. */
export function jsonFile(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
