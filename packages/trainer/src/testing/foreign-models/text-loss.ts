/** For tests: the loss of an imported model over the text that was given to its own framework. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import { selectEngine } from '../../engines/select.js';
import { evaluateCheckpoint } from '../../evaluation/perplexity.js';
import { committedFiles } from './files.js';

/** In nats per token, line ends included. */
export async function textLoss(checkpoint: Checkpoint): Promise<number> {
  const text = readFileSync(join(committedFiles, 'text.txt'), 'utf8');
  const ids = Int32Array.from(checkpoint.tokenizer.encode(text));
  const engine = await selectEngine('onnxruntime', 1);
  const { loss } = await evaluateCheckpoint(checkpoint, ids, engine, new AbortController().signal);
  return loss;
}
