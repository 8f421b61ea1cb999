/**
 * The roles of a program's outputs, and the names of optimizer slots and adapters. Graphs and files have nothing but
 * names, so a name says the role. Only this file knows how.
 */

/**
 * `next`: the next value of an input, which the output replaces in the next run. `gradient`: the gradient of a
 * parameter. `gradientRows`: the gradient of a table as one row for each of the input `ids`. All other outputs are
 * results.
 */
export type OutputRole = 'next' | 'gradient' | 'gradientRows';

/**
 * Returns the name of an output.
 * @param subject the input or the parameter that it is of
 */
function outputName(role: OutputRole, subject: string): string {
  return `${role}.${subject}`;
}

export function nextOf(input: string): string {
  return outputName('next', input);
}

export function gradientOf(parameter: string): string {
  return outputName('gradient', parameter);
}

export function gradientRowsOf(table: string): string {
  return outputName('gradientRows', table);
}

/** Returns the input or the parameter that an output is of, if it has this role; else undefined. */
export function subjectOf(role: OutputRole, output: string): string | undefined {
  const prefix = outputName(role, '');
  return output.startsWith(prefix) ? output.slice(prefix.length) : undefined;
}

/** Returns outputs of this role from their values by subject. */
export function asOutputs<Value>(role: OutputRole, values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([subject, value]) => [outputName(role, subject), value]));
}

/** Divides outputs into those of this role, by subject, and all others, by name. */
export function divideOutputs<Value>(
  role: OutputRole,
  outputs: Readonly<Record<string, Value>>,
): [inRole: Record<string, Value>, others: Record<string, Value>] {
  const [inRole, others]: [Record<string, Value>, Record<string, Value>] = [{}, {}];
  for (const [name, value] of Object.entries(outputs)) {
    const subject = subjectOf(role, name);
    if (subject === undefined) others[name] = value;
    else inRole[subject] = value;
  }
  return [inRole, others];
}

/** Returns the name of an optimizer's slot for a parameter: of an input, and in `optimizer.safetensors`. */
export function slotName(slot: string, parameter: string): string {
  return `${slot}/${parameter}`;
}

/** Returns the names of the two factors, down·up, whose product is added to a matrix. */
export function adaptersOf(matrix: string): { readonly down: string; readonly up: string } {
  return { down: `${matrix}.down`, up: `${matrix}.up` };
}
