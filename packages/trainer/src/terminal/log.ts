/**
 * The log: lines on stderr for the person who runs a command. Every line passes here, with a severity. Long-running
 * commands (`--log-format`) write it with the time and the process, or as JSON. Results go to stdout, by `output.ts`.
 */
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

/**
 * Writes a line on stderr, or hands it to the listener of the work that is being done.
 * @param source the process of the run that the line comes from, if it is another one
 */
export function log(line: string, severity: Severity = 'info', source = style.process): void {
  const listener = currentListener();
  const named = source === undefined ? style : { ...style, process: source };
  if (listener) listener.onNotice?.(line, severity);
  else process.stderr.write(`${logLine(line, severity, named, new Date())}\n`);
}

/** Returns the line as it is written. The JSON fields are the ones that log collectors look for. */
export function logLine(line: string, severity: Severity, { format, process }: LogStyle, date: Date): string {
  if (format === 'plain') return line;
  const [time, level] = [date.toISOString(), severity.toUpperCase()];
  if (format === 'json') return JSON.stringify({ time, severity: level, process, message: line });
  return `${time} ${level} ${process === undefined ? '' : `[${process}] `}${line}`;
}
