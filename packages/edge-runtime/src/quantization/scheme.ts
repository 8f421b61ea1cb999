/** The interface of a scheme for storing weights; quantize.ts finds the nodes of a graph to apply it to. */
import type { OnnxFunction, OnnxNode, OnnxTensor } from '@unroll/core/onnx';

/** Nodes and constants that replace one node of the float graph. */
export interface Replacement {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** Functions that the nodes call. */
  readonly functions?: readonly OnnxFunction[];
}

/** A product x·W of the float graph. */
export interface Product {
  readonly input: string;
  readonly weight: OnnxTensor;
  /** Whether `weight` is stored as [outputs, inputs]. */
  readonly transposed: boolean;
  readonly output: string;
}

/** A lookup of rows of `table` by the int32 tensor `ids`. */
export interface Lookup {
  readonly table: OnnxTensor;
  readonly ids: string;
  readonly output: string;
  /** Whether a product reads the same table. */
  readonly tied: boolean;
}

/** One way to store weights. Names of new constants derive from the weight's name, so that tied uses share them. */
export interface Scheme {
  product(product: Product): Replacement;
  lookup(lookup: Lookup): Replacement;
}
