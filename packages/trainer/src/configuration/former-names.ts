/**
 * The names that hyperparameters had before. Flags, code and checkpoints that have them are read, and whoever gives one
 * is told the new one.
 */
import { log } from '../terminal/log.js';
import { allHyperparameters, flagNamed } from './hyperparameters.js';

const newNames: ReadonlyMap<string, string> = new Map(
  allHyperparameters.flatMap(([name, { formerly }]) => (formerly === undefined ? [] : [[formerly, name] as const])),
);

/** The former flags of hyperparameters, with the present ones. */
export const formerFlags: ReadonlyMap<string, string> = new Map(
  [...newNames].map(([former, name]) => [flagNamed(former), flagNamed(name)]),
);

/** Tells whoever gave a name that it is another now. */
export function tellNewName(former: string, name: string): void {
  log(`${former}: is now ${name}; give that name`, 'warning');
}

/** Returns the present name of a flag without its hyphens, and tells it to whoever gave the former one. */
export function presentOption(option: string): string {
  const flag = formerFlags.get(`--${option}`);
  if (flag === undefined) return option;
  tellNewName(option, flag.slice(2));
  return flag.slice(2);
}

/** Returns the sizes of a stored model by their present names. */
export function presentSizes<Value>(sizes: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(sizes).map(([name, value]) => [newNames.get(name) ?? name, value]));
}

/** Returns the sizes that code gives by their present names, and tells those of which it gave the former ones. */
export function givenSizes<Value>(sizes: Readonly<Record<string, Value>>): Record<string, Value> {
  for (const former of Object.keys(sizes)) {
    const name = newNames.get(former);
    if (name !== undefined) tellNewName(`model.${former}`, `model.${name}`);
  }
  return presentSizes(sizes);
}
