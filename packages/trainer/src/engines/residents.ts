/** Operations on all values of residents at once. */
import type { Executable, Residents } from './engine.js';

/** Returns the current values by name, as {@link Residents.read} does for each. */
export async function readAll(residents: Residents): Promise<Record<string, Float32Array>> {
  const arrays: Record<string, Float32Array> = {};
  for (const name of residents.names) arrays[name] = await residents.read(name);
  return arrays;
}

/** Returns copies of the current values. */
export async function copyAll(residents: Residents): Promise<Record<string, Float32Array>> {
  const arrays = await readAll(residents);
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]));
}

/** Disposes of a program and its residents. */
export async function disposeAll(
  executable: Pick<Executable, 'dispose'>,
  residents: readonly Residents[],
): Promise<void> {
  await executable.dispose();
  for (const set of residents) set.dispose();
}
