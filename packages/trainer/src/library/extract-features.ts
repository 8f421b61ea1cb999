/** `extractFeatures`: a vector of each layer of ELMo for every word of a text. */
import { elmoFeatures } from '@unroll/core/decoding';
import { z } from 'zod';
import { bytesOf, safetensorsHeader } from '../checkpoint/safetensors.js';
import { option } from '../configuration/option-names.js';
import { readTextFile } from '../data/text-file.js';
import { readElmoCheckpoint } from '../elmo/elmo-checkpoint.js';
import { openExtractor } from '../elmo/extractor.js';
import { type EngineName, engineNames } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { writeNewFile } from '../files/new-file.js';
import type { Listener } from '../terminal/listener.js';
import { Progress } from '../terminal/progress.js';
import { inCode, listenerFields, parseOptions, path, signalOrNever } from './in-code.js';

/** The model, the text, and where its features go. */
export interface ExtractFeaturesOptions extends Listener {
  /** A folder that `importModel` wrote of an ELMo. */
  readonly checkpoint: string;
  /** A text file: a sentence a line, its words between white space. */
  readonly text: string;
  /** A new safetensors file. */
  readonly out: string;
  /** Whether each line goes on from the states after the line before; default false: each starts from zero states. */
  readonly carryStates?: boolean | undefined;
  /** Default `auto`: the fastest that this machine has. */
  readonly engine?: EngineName | undefined;
  /** Threads of a CPU engine; 0, the default, for all cores. */
  readonly threads?: number | undefined;
  /** Ends the work early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The features that were extracted. */
export interface FeatureExtraction {
  /**
   * The file. It has a tensor [layers, words, 2·projection] for each line of the text, named by the line's number from 0:
   * the words' own vectors first, each twice, then each LSTM layer, forward beside backward.
   */
  readonly features: string;
  readonly lines: number;
  readonly words: number;
  readonly bytes: number;
  readonly wordsPerSecond: number;
}

const optionsSchema = z.strictObject({
  ...{ checkpoint: path, text: path, out: path },
  carryStates: z.boolean().default(false),
  engine: z.enum(engineNames).default('auto'),
  threads: z.int().nonnegative().default(0),
  signal: signalOrNever,
  ...listenerFields,
});

/** Sentences that are read at the same time, unless states are carried: each weight is then read once for all. */
const lanes = 8;

/**
 * Extracts the features of a text.
 * @throws UnrollError with one line that says what cannot be read or written; the signal's reason when it aborts
 * @example
 * await extractFeatures({ checkpoint: 'runs/elmo', text: 'sentences.txt', out: 'features.safetensors' });
 */
export function extractFeatures(options: ExtractFeaturesOptions): Promise<FeatureExtraction> {
  return inCode(options, () => {
    const { signal, ...request } = parseOptions(optionsSchema, options, 'extractFeatures');
    return extractTextFeatures(request, signal);
  });
}

export type FeaturesRequest = Omit<z.infer<typeof optionsSchema>, keyof Listener | 'signal'>;

/** Extracts features for {@link extractFeatures} or the command. @throws as {@link extractFeatures} */
export async function extractTextFeatures(
  { checkpoint, text, out, carryStates, engine, threads }: FeaturesRequest,
  signal: AbortSignal,
): Promise<FeatureExtraction> {
  const model = await readElmoCheckpoint(checkpoint);
  const sentences = sentencesOf(text);
  await using steps = await openExtractor(model, await selectEngine(engine, threads), carryStates ? 1 : lanes);
  const layers = 1 + steps.lstmLayers;
  const header = safetensorsHeader(
    sentences.map(({ length }, line) => [`${line}`, [layers, length, 2 * steps.projectionDim]]),
  );
  const words = sentences.reduce((sum, { length }) => sum + length, 0);
  const progress = new Progress('features', words, 'words');
  let [bytes, done] = [0, 0];
  const began = performance.now();
  async function* parts() {
    for (const part of header) {
      bytes += part.length;
      yield part;
    }
    let state = steps.zeroState;
    for (let first = 0; first < sentences.length; first += steps.lanes) {
      const some = sentences.slice(first, first + steps.lanes);
      // A blank line has no sentence, so nothing is read for it.
      const read = some.filter(({ length }) => length > 0);
      const extraction = await elmoFeatures(steps, read, { state, signal });
      if (carryStates && read.length > 0) state = extraction.state;
      for (const values of extraction.features) {
        bytes += values.byteLength;
        yield bytesOf(values);
      }
      done += read.reduce((sum, { length }) => sum + length, 0);
      progress.update(done);
    }
  }
  try {
    await writeNewFile(out, parts());
  } finally {
    progress.stop();
  }
  const wordsPerSecond = (1000 * words) / (performance.now() - began);
  return { features: out, lines: sentences.length, words, bytes, wordsPerSecond };
}

/** The words of each line. */
function sentencesOf(file: string): readonly (readonly string[])[] {
  let text: string;
  try {
    text = readTextFile(file);
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${file}: cannot be read: ${fileErrorReason(error)}; give a text file as ${option('text')}`);
  }
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  return lines.map((line) => line.split(/\s+/).filter((word) => word !== ''));
}
