/** `unroll data`: the texts to train on. Its subcommands are in data-fetch.ts, data-show.ts and data-grammar.ts. */
import type { Command } from 'commander';
import { addFetch } from './data-fetch.js';
import { addGrammar } from './data-grammar.js';
import { addShow } from './data-show.js';

export function addData(program: Command): void {
  const data = program.command('data').description('fetch, show and write texts to train on');
  for (const addCommand of [addFetch, addShow, addGrammar]) addCommand(data);
}
