/** The `unroll` command: its subcommands, and the mapping of their errors to one line and an exit status. */
import { Command, CommanderError } from 'commander';
import { requireNoBlankValues } from './commands/blank-values.js';
import { addParamServer, addWorker } from './commands/cluster-roles.js';
import { addConvert } from './commands/convert.js';
import { addDashboard } from './commands/dashboard.js';
import { addData } from './commands/data.js';
import { addDoctor } from './commands/doctor.js';
import { addEval } from './commands/eval.js';
import { addExport } from './commands/export.js';
import { addExportWeights } from './commands/export-weights.js';
import { addFeatures } from './commands/features.js';
import { addGateway } from './commands/gateway.js';
import { addGenerate } from './commands/generate.js';
import { addImport } from './commands/import.js';
import { addNode } from './commands/node.js';
import { addRuns } from './commands/runs.js';
import { addScore } from './commands/score.js';
import { addSweep } from './commands/sweep.js';
import { addLaunch, addTrain } from './commands/train.js';
import { Interruption, UnrollError, UsageError } from './errors.js';
import { type FileError, fileErrorReason, isFileError } from './files/file-error.js';
import { closeLog, type LogFormat, log, openLog } from './terminal/log.js';
import { ClosedPipe, closedPipeStatus, print, surviveClosedOutput } from './terminal/output.js';
import { version } from './version.js';

const done = 0;
const failed = 1;
const wrongUsage = 2;

const commands = [
  addData,
  addTrain,
  addEval,
  addScore,
  addGenerate,
  addFeatures,
  addExport,
  addImport,
  addExportWeights,
  addConvert,
  addGateway,
  addSweep,
  addRuns,
  addDashboard,
  addDoctor,
  addLaunch,
  addNode,
  addWorker,
  addParamServer,
];

/**
 * Runs the command. The exit status is 0 for done, 1 for failed and 2 for wrong usage. It is 141 if nobody reads the
 * output, and 130 or 143 if Ctrl-C or SIGTERM ended the command early.
 */
export async function main(argv: readonly string[]): Promise<number> {
  surviveClosedOutput();
  closeLog();
  try {
    await run(argv);
    return done;
  } catch (error) {
    return await report(error);
  }
}

async function run(argv: readonly string[]): Promise<void> {
  let help = '';
  const program = createProgram((text) => {
    help += text;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
    await print(help);
  }
}

/**
 * Creates the command with all its subcommands, which load their dependencies only when they run.
 * @param writeHelp receives help and version texts that the user asks for
 */
export function createProgram(writeHelp: (text: string) => void = () => undefined): Command {
  const program = new Command('unroll')
    .configureOutput({ writeOut: writeHelp })
    .description('train recurrent language models on many machines and run them in any browser')
    .version(version)
    .showHelpAfterError('(unroll --help, or unroll <command> --help, lists the flags)')
    .hook('preAction', (_, command) => {
      openLogOf(command);
      requireNoBlankValues(command);
    })
    .exitOverride();
  for (const addCommand of commands) addCommand(program);
  return program;
}

/**
 * Opens the log in the format of `--log-format`. Commands that answer at once lack this flag: their lines are for the
 * person who typed them.
 */
function openLogOf(command: Command): void {
  const hasFormat = command.options.some((option) => option.attributeName() === 'logFormat');
  if (hasFormat) openLog(command.opts<{ logFormat?: LogFormat }>().logFormat);
}

async function report(error: unknown): Promise<number> {
  if (error instanceof ClosedPipe) return closedPipeStatus;
  if (error instanceof CommanderError) return wrongUsage;
  if (error instanceof Interruption) return complain(error, error.status);
  if (error instanceof UsageError) return complain(error, wrongUsage);
  if (await isMendable(error)) return complain(error as Error, failed);
  if (isFileError(error)) return complain(new UnrollError(systemLine(error)), failed);
  // This is our bug, and the report needs the trace.
  log(`unroll: unexpected error, please report it\n${error instanceof Error ? error.stack : error}`, 'error');
  return failed;
}

/** Whether the user can fix the error; its message is then one line. */
async function isMendable(error: unknown): Promise<boolean> {
  if (error instanceof UnrollError) return true;
  const { BundleError } = await import('@unroll/edge-runtime');
  const { ParameterServerError } = await import('@unroll/param-server/client');
  return error instanceof BundleError || error instanceof ParameterServerError;
}

/** Describes an error of the operating system for which no closer code has told the user what to do. */
function systemLine(error: FileError): string {
  const place = error.path === undefined ? '' : `${error.path}: `;
  return `${place}${error.syscall} failed: ${fileErrorReason(error)}`;
}

function complain(error: Error, status: number): number {
  log(`unroll: ${error.message}`, 'error');
  return status;
}
