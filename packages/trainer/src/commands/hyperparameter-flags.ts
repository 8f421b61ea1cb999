/** The flags of hyperparameters, as commander takes them, and the values that they give. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  allHyperparameters,
  flagNamed,
  type Hyperparameter,
  type HyperparameterFlags,
  type HyperparameterName,
} from '../configuration/hyperparameters.js';
import type { Mode } from '../configuration/variants.js';
import { UsageError } from '../errors.js';
import { addFormerFlag } from './options.js';

/** Adds the flags of those hyperparameters that are for applications alone, or of all others. */
export function addHyperparameterFlags(command: Command, { forApplications }: { forApplications: boolean }): Command {
  for (const [name, entry] of allHyperparameters) {
    const isForApplications = entry.part === 'application';
    if (entry.hasNoFlag || isForApplications !== forApplications) continue;
    command.addOption(optionOf(name, entry));
    if (entry.formerly !== undefined) addFormerFlag(command, flagNamed(entry.formerly), flagNamed(name));
  }
  return command;
}

function optionOf(name: string, { alias, argument, choices, parse, help }: Hyperparameter): Option {
  const names = [...(alias === undefined ? [] : [alias]), name].map(flagNamed).join(', ');
  const option = new Option(argument === undefined ? names : `${names} ${argument}`, help);
  if (choices) option.choices(choices);
  if (!parse) return option;
  return option.argParser((text) => {
    if (!choices || choices.includes(text)) return parse(text);
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  });
}

/** The mode of each of the details that have flags of their own. */
const modesOfDetails = { staleness: 'ssp', localSteps: 'local' } as const;

/** @throws UsageError if a detail is given of a mode that is not */
function modeOf({ mode, ...flags }: HyperparameterFlags): Mode | undefined {
  for (const [detail, name] of Object.entries(modesOfDetails)) {
    if (flags[detail as keyof typeof modesOfDetails] === undefined || mode?.name === name) continue;
    throw new UsageError(`${flagNamed(detail)}: is for --mode ${name}; give that too`);
  }
  const { staleness, localSteps } = flags;
  if (mode?.name === 'ssp' && staleness !== undefined) return { ...mode, staleness };
  if (mode?.name === 'local' && localSteps !== undefined) return { ...mode, localSteps };
  return mode;
}

/**
 * Returns the hyperparameters that were given, and their values as a configuration holds them.
 * @throws UsageError if the flags contradict each other
 */
export function givenHyperparameters(flags: HyperparameterFlags): [HyperparameterName, Hyperparameter, unknown][] {
  const given = { ...flags, mode: modeOf(flags) };
  return allHyperparameters.flatMap(([name, entry]): [HyperparameterName, Hyperparameter, unknown][] => {
    const value = given[name as keyof HyperparameterFlags];
    if (value === undefined || entry.part === 'mode') return [];
    return [[name, entry, value === 'full' ? undefined : value]];
  });
}
