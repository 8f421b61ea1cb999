/** The commands that repeat a run, from those that made it. */
import type { RunSession } from './run-configuration.js';

/** Flags without a value that do not belong into a repetition. */
const droppedFlags = ['--overwrite', '--resume'];

/**
 * Returns the words after `unroll` of each command, in order; a repetition writes into `out`.
 * @returns undefined if a program made the run, or a part of it
 */
export function repeatCommands(sessions: readonly RunSession[], out: string): string[][] | undefined {
  const commands: string[][] = [];
  for (const { command } of sessions) {
    if (!command) return undefined;
    const words = withOut(command, out).filter((word) => !droppedFlags.includes(word));
    // A run that was interrupted, and resumed by the same command, is repeated without the pause.
    if (JSON.stringify(words) !== JSON.stringify(commands.at(-1))) commands.push(words);
  }
  return commands.map((words, k) => (k === 0 ? words : [...words, '--resume']));
}

function withOut(words: readonly string[], out: string): string[] {
  return words.map((word, k) => {
    if (words[k - 1] === '--out') return out;
    return word.startsWith('--out=') ? `--out=${out}` : word;
  });
}

/** Quotes words for a POSIX shell. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
