/** Says what a training step needs of the machine's memory, before training and where it was too much. */
import { option } from '../configuration/option-names.js';
import type { Engine } from '../engines/engine.js';
import { UnrollError } from '../errors.js';

function remedies(): string {
  return `lower ${option('batchSize')}, raise ${option('accumulate')} or, for long sequences, give ${option('recomputeEvery')}`;
}

/** The memory of the largest program that a run's engine has compiled. */
export class StepMemory {
  /** Estimated bytes of a run of that program, without residents; 0 if nothing is known. */
  #bytes = 0;

  /** Returns an engine that does the same, and is watched. */
  watched(engine: Engine): Engine {
    const compile: Engine['compile'] = async (program, residents) => {
      const executable = await engine.compile(program, residents);
      this.#bytes = Math.max(this.#bytes, executable.peakBytes ?? 0);
      return executable;
    };
    return { ...engine, compile };
  }

  /**
   * Returns a line for the user if the steps will hardly fit into the memory that is free, as far as this process may
   * use it: limits of control groups count.
   * @param processes how many processes of this machine make a step at the same time
   */
  notices(processes: number, available = process.availableMemory()): string[] {
    if (this.#bytes * processes <= available) return [];
    const each = processes > 1 ? ` in each of ${processes} workers` : '';
    return [
      `a step needs about ${sized(this.#bytes)}${each}, and ${sized(available)} are free: it may not fit; ${remedies()}`,
    ];
  }

  /** Returns one line for an error that says that memory was exhausted; any other error as it is. */
  explained(error: unknown): unknown {
    if (error instanceof UnrollError) return error;
    const found = exhaustion(String(error instanceof Error ? error.message : error));
    if (!found) return error;
    const asked = found.bytes === undefined ? '' : `: ${sized(found.bytes)} were asked for at once`;
    const whole = this.#bytes > 0 ? `; a step needs about ${sized(this.#bytes)}` : '';
    return new UnrollError(`out of memory${asked}${whole}; ${remedies()}`, { cause: error });
  }
}

/** How ONNX Runtime, C++ and V8 say that there is no memory, with the bytes that were asked for where they tell. */
const exhaustions = [
  /Failed to allocate memory for requested buffer of size (\d+)/,
  /smaller than requested bytes of (\d+)/,
  /bad_alloc|bad allocation|Array buffer allocation failed|Invalid typed array length: (\d+)/,
  /out of memory|ENOMEM|Cannot allocate memory/i,
];

/** Returns what a message says about exhausted memory; undefined if it says nothing of it. */
function exhaustion(message: string): { readonly bytes: number | undefined } | undefined {
  for (const pattern of exhaustions) {
    const match = pattern.exec(message);
    if (match) return { bytes: match[1] === undefined ? undefined : Number(match[1]) };
  }
  return undefined;
}

/** Returns why a process aborted, if its last lines say that it ran out of memory. */
export function outOfMemoryReason(lines: string): string | undefined {
  return exhaustion(lines) && `out of memory; ${remedies()}`;
}

function sized(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
