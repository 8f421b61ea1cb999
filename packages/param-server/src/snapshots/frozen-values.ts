/**
 * A shard's values at one moment, to be written to disk while updates go on. Updates announce what they are about to
 * change.
 */
import type { ShardValues } from '../shard/messages.js';
import type { RowGradient } from '../vectors/row-gradient.js';
import type { Ranges } from '../vectors/sparse-vector.js';
import { FrozenVector } from './frozen-vector.js';

export class FrozenValues {
  readonly parameters: FrozenVector;
  readonly slots: Readonly<Record<string, FrozenVector>>;
  readonly lanes: FrozenVector;

  constructor({ parameters, slots, lanes }: ShardValues) {
    this.parameters = new FrozenVector(parameters);
    this.slots = Object.fromEntries(Object.entries(slots).map(([name, slot]) => [name, new FrozenVector(slot)]));
    // Copy it: it is small, and all of it changes in every step.
    this.lanes = new FrozenVector(lanes.slice());
  }

  /** Call this before the parameters and the optimizer's state change in these ranges. */
  keepRanges(ranges: Ranges): void {
    for (let k = 0; k < ranges.length; k += 2) this.#keep(ranges[k]!, ranges[k + 1]!);
  }

  /** Call this before they change in these rows of tables. */
  keepRows(gradient: RowGradient): void {
    for (const { starts, values } of gradient) {
      const rowLength = values.length / starts.length;
      for (const start of starts) this.#keep(start, start + rowLength);
    }
  }

  #keep(from: number, to: number): void {
    this.parameters.keep(from, to);
    for (const slot of Object.values(this.slots)) slot.keep(from, to);
  }
}
