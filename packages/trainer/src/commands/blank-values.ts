/** Refuses blank paths and names, as `--out "$UNSET"` gives them: an empty path is the current folder. */
import type { Command } from 'commander';
import { UsageError } from '../errors.js';

/** The placeholder of a flag whose value is a text, which may be empty. */
const text = '<text>';

/** @throws UsageError naming a flag or an argument whose value is blank */
export function requireNoBlankValues(command: Command): void {
  const values = command.opts();
  const blankFlag = command.options.find(
    (option) => !option.flags.endsWith(text) && isBlank(values[option.attributeName()]),
  );
  const blankArgument = command.registeredArguments.find((_, index) => isBlank(command.processedArgs[index]));
  const name = blankFlag?.long ?? (blankArgument && `<${blankArgument.name()}>`);
  if (name === undefined) return;
  throw new UsageError(`${name}: is blank; give it a value, or set the variable that it was to come from`);
}

function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}
