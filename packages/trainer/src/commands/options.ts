/** Flags that several commands take, and functions that print results. */
import { isIPv6 } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { tellNewName } from '../configuration/former-names.js';
import { engineNames } from '../engines/engine-names.js';
import { logFormats } from '../terminal/log.js';
import { positiveInteger } from '../terminal/number-arguments.js';
import { ClosedPipe, print } from '../terminal/output.js';

/** Parses a TCP port to listen on. */
export function port(text: string): number {
  const value = portOrAny(text);
  if (value === 0) throw new InvalidArgumentError('It must be a port, an integer from 1 to 65535.');
  return value;
}

/** Parses a TCP port to listen on, or 0 for any that is free. */
export function portOrAny(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new InvalidArgumentError('It must be a port, an integer from 1 to 65535, or 0 for any that is free.');
}

/** Parses the name or address of a host to listen on; the port is a separate flag. */
export function hostName(text: string): string {
  if (isIPv6(text) || /^[^\s/:?#@[\]]+$/.test(text)) return text;
  throw new InvalidArgumentError(
    'It must be a host alone, as in 127.0.0.1, ::1 or localhost, without http:// and port.',
  );
}

export function engineOption(): Option {
  return new Option('--engine <name>', 'what computes').choices(engineNames).default('auto');
}

export function threadsOption(): Option {
  return new Option('--threads <n>', 'threads of the CPU engine (default: all cores)').argParser(positiveInteger);
}

export interface MetricsFlags {
  metricsPort?: number;
  metricsHost: string;
}

export function addMetricsFlags(command: Command): Command {
  return command
    .option(
      '--metrics-port <n>',
      'a parameter server answers GET /metrics there, unencrypted, for Prometheus (default: nowhere)',
      port,
    )
    .option('--metrics-host <address>', 'the address of --metrics-port; nothing guards it', hostName, '127.0.0.1');
}

export function logFormatOption(): Option {
  return new Option(
    '--log-format <format>',
    'log lines on stderr: plain, text with time and severity, or json (default: plain on a terminal, else text)',
  ).choices(logFormats);
}

export function jsonOption(): Option {
  return new Option('--json', 'print the result as one JSON object on stdout');
}

/** Lets a flag be given by the name that it had before; a line on stderr names the new one. */
export function addFormerFlag(command: Command, former: string, flag: string): Command {
  const option = command.options.find(({ long }) => long === flag)!;
  const old = new Option(option.flags.replace(flag, former), `the former name of ${flag}`).hideHelp();
  if (option.parseArg) old.argParser(option.parseArg);
  const [name, oldName] = [option.attributeName(), old.attributeName()];
  return command.addOption(old.conflicts(name)).hook('preAction', () => {
    if (command.getOptionValueSource(oldName) !== 'cli') return;
    tellNewName(former, flag);
    command.setOptionValueWithSource(name, command.getOptionValue(oldName), 'cli');
  });
}

/** Adds the examples at the end of a command's help; each is the text after `unroll`. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  unroll ${example}\n`).join('')}`);
}

/** Prints a command's result on stdout: one JSON object, or text for a person. */
export function printResult(json: boolean | undefined, result: object, text: () => string): Promise<void> {
  return print(`${json ? JSON.stringify(result) : text()}\n`);
}

/**
 * Prints the result of a training. The checkpoint is already written, so it is not a failure if nobody reads the line.
 */
export async function printOutcome(json: boolean | undefined, result: object, text: () => string): Promise<void> {
  try {
    await printResult(json, result, text);
  } catch (error) {
    if (!(error instanceof ClosedPipe)) throw error;
  }
}
