/** The tables of a model of which a worker of parameter servers holds only the rows that its step reads or scores. */
import type { Trainable } from '@unroll/core/internal';
import type { Inputs } from './batch-source.js';

export interface RowTables {
  /** The parameters that are tables. */
  readonly names: ReadonlySet<string>;
  /**
   * The model that a worker holds. Its tables have room for the rows of a step of all lanes, as the worker's lanes may
   * change.
   */
  readonly model: Trainable;
  /** Finds the rows of a batch, and renumbers its inputs to them. */
  readonly rowsOf: (inputs: Inputs) => RowsOfStep;
}

export interface RowsOfStep {
  /** The rows of each table that the step uses, ascending. */
  readonly rows: Readonly<Record<string, Int32Array>>;
  /** The batch, with rows of the tables as ids. */
  readonly inputs: Inputs;
}
