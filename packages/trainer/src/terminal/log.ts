/**
 * The log: lines on stderr for whoever runs a command. Every line passes here, with a severity; commands that run for long
 * (`--log-format`) write it with the time and the process, or as JSON. Results go to stdout, by `output.ts`.
 */
import type { Severity } from '@unroll/param-server';

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

/** Sets how lines look from now on. @param format by default plain on a terminal and `text` elsewhere */
export function openLog(format: LogFormat = process.stderr.isTTY ? 'plain' : 'text'): void {
  style = { format };
}

/** Writes lines plainly again, as before {@link openLog}. */
export function closeLog(): void {
  style = initially;
}

/** Has each line say which process of a run it is of; plain lines do not. */
export function nameInLog(process: string): void {
  style = { ...style, process };
}

/** Whether a bar may be drawn among the lines. */
export function isDrawable(): boolean {
  return process.stderr.isTTY && style.format === 'plain';
}

/** Writes a line on stderr. */
export function log(line: string, severity: Severity = 'info'): void {
  process.stderr.write(`${logLine(line, severity, style, new Date())}\n`);
}

/** The line as it is written. The fields of JSON are those that collectors of logs look for. */
export function logLine(line: string, severity: Severity, { format, process }: LogStyle, date: Date): string {
  if (format === 'plain') return line;
  const [time, level] = [date.toISOString(), severity.toUpperCase()];
  if (format === 'json') return JSON.stringify({ time, severity: level, process, message: line });
  return `${time} ${level} ${process === undefined ? '' : `[${process}] `}${line}`;
}
