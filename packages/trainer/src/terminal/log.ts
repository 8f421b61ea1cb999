/**
 * The log: lines on stderr for the person who runs a command. Every line passes here, with a severity. Long-running
 * commands (`--log-format`) write it with the time and the process, or as JSON. Results go to stdout, by `output.ts`.
 */
import { styleText } from 'node:util';
import type { Severity } from '@unroll/param-server/client';
import { currentListener } from './listener.js';

/** `plain` is the line alone. */
export const logFormats = ['plain', 'text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

interface LogStyle {
  readonly format: LogFormat;
  /** The process of a run that writes these lines, such as `worker 1`. */
  readonly process?: string;
}

const initially: LogStyle = { format: 'plain' };
let style = initially;

/** Sets the format of all further lines. @param format by default plain on a terminal and `text` elsewhere */
export function openLog(format: LogFormat = process.stderr.isTTY ? 'plain' : 'text'): void {
  style = { format };
}

/** Writes lines plainly again, as before {@link openLog}. */
export function closeLog(): void {
  style = initially;
}

/** Makes each line name its process of the run; plain lines do not. */
export function nameInLog(process: string): void {
  style = { ...style, process };
}

/** Returns whether a progress bar may be drawn among the lines. */
export function isDrawable(): boolean {
  return process.stderr.isTTY && style.format === 'plain';
}

/** The line that is drawn below the log on a terminal; empty if there is none. */
let status = '';

/** Draws a line below the log, in the place of the one before. */
export function drawStatus(line: string): void {
  status = line;
  process.stderr.write(`\r${line}${eraseToEnd}`);
}

/** Removes the line that {@link drawStatus} has drawn. */
export function eraseStatus(): void {
  if (status !== '') process.stderr.write(`\r${eraseToEnd}`);
  status = '';
}

const eraseToEnd = '\x1b[K';

/**
 * Writes a line on stderr, or hands it to the listener of the work that is being done.
 * @param source the process of the run that the line comes from, if it is another one
 */
export function log(line: string, severity: Severity = 'info', source = style.process): void {
  const listener = currentListener();
  const named = source === undefined ? style : { ...style, process: source };
  if (listener) {
    listener.onNotice?.(line, severity);
    return;
  }
  const below = status;
  eraseStatus();
  process.stderr.write(`${coloured(logLine(line, severity, named, new Date()), severity, named.format)}\n`);
  if (below !== '') drawStatus(below);
}

const colours = { info: undefined, warning: 'yellow', error: 'red' } as const;

/** Colours a line for people by its severity, where stderr is a terminal and `NO_COLOR` is not set. */
function coloured(line: string, severity: Severity, format: LogFormat): string {
  const colour = colours[severity];
  return colour && format === 'plain' && process.stderr.isTTY
    ? styleText(colour, line, { stream: process.stderr })
    : line;
}

/** Returns the line as it is written. The JSON fields are the ones that log collectors look for. */
export function logLine(line: string, severity: Severity, { format, process }: LogStyle, date: Date): string {
  if (format === 'plain') return line;
  const [time, level] = [date.toISOString(), severity.toUpperCase()];
  if (format === 'json') return JSON.stringify({ time, severity: level, process, message: line });
  return `${time} ${level} ${process === undefined ? '' : `[${process}] `}${line}`;
}
