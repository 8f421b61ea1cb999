/** Imports a model from any supported format: a file of another framework, together with its vocabulary. */
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { option } from '../configuration/option-names.js';
import { UnrollError, UsageError } from '../errors.js';
import type { ImportedModel } from './imported-model.js';
import { decodeKerasFile } from './keras-file.js';
import { modelFromKeras } from './keras-model.js';
import { readMl5Model } from './ml5-model.js';
import { readWholeFile } from './read-file.js';
import { modelFromRwkv } from './rwkv-model.js';
import type { VocabularySource } from './sources.js';
import { modelFromTorch } from './torch-model.js';
import { type Mapping, readMapping } from './torch-modules.js';
import { readTorchFile } from './torch-shards.js';
import { readVocabulary, tokenizerOfText } from './vocabulary-file.js';
import { isWorldVocabulary, readWorldVocabulary } from './world-vocabulary.js';

export interface ForeignModelRequest {
  readonly from: VocabularySource | 'ml5';
  readonly file: string;
  /** Path of the vocabulary; a model of ml5 has its own. */
  readonly vocab?: string | undefined;
  /** Path of a file that says which modules are which; for PyTorch only. */
  readonly mapping?: string;
}

export interface Import {
  readonly checkpoint: Checkpoint;
  readonly assumptions: readonly string[];
  /** Names of the file's contents that are not part of the model. */
  readonly unread: readonly string[];
}

/**
 * Reads a model and its vocabulary.
 * @throws UnrollError saying what is wrong with which file; the signal's reason when it aborts
 */
export async function readForeignModel(request: ForeignModelRequest, signal: AbortSignal): Promise<Import> {
  if (request.from === 'ml5') {
    const { tokenizer, config, parameters, assumptions, unread } = await readMl5Model(request.file, signal);
    return { checkpoint: { config, parameters, tokenizer }, assumptions, unread };
  }
  const vocab = request.vocab;
  if (vocab === undefined) {
    throw new UsageError(
      `${option('vocab')}: is missing; give the model's words by id: one a line, JSON, or a tokenizer.json`,
    );
  }
  // The tokens of an RWKV's vocabulary depend on the rows of its embedding.
  const early = request.from === 'rwkv' ? undefined : readVocabulary(vocab);
  const { config, parameters, assumptions, unread } = await readModel(request, request.from, signal);
  const tokenizer = early ?? readVocabulary(vocab, (text) => rwkvTokenizer(text, vocab, config.vocabSize));
  if (tokenizer.vocabSize !== config.vocabSize) {
    throw new UnrollError(
      `${vocab}: has ${tokenizer.vocabSize} words, the embedding of ${request.file} ${config.vocabSize} rows; give the vocabulary with which the model was trained, a word for each row`,
    );
  }
  return { checkpoint: { config, parameters, tokenizer }, assumptions, unread };
}

/** The tokenizer of an RWKV, which has no start token: it reads the first token of a text and does not predict it. */
function rwkvTokenizer(text: string, file: string, rows: number): Tokenizer {
  if (isWorldVocabulary(text)) return readWorldVocabulary(text, file, rows);
  const tokenizer = tokenizerOfText(text);
  if (tokenizer.kind === 'word') {
    throw new UnrollError(
      `${file}: is a list of words; give the World vocabulary ('id literal length' lines), or a tokenizer.json of byte-level BPE or characters`,
    );
  }
  const json = tokenizer.toJSON();
  return loadTokenizer({ ...json, model: { ...json.model, start_token: null } });
}

async function readModel(
  { file, mapping }: ForeignModelRequest,
  from: VocabularySource,
  signal: AbortSignal,
): Promise<ImportedModel> {
  switch (from) {
    case 'pytorch': {
      const modules: Mapping = mapping === undefined ? {} : readMapping(mapping);
      const { tensors, unread } = await readTorchFile(file, signal);
      return { ...modelFromTorch(tensors, modules, file), unread };
    }
    case 'rwkv': {
      const { tensors, unread } = await readTorchFile(file, signal);
      const model = modelFromRwkv(tensors, file);
      return { ...model, unread: [...unread, ...model.unread] };
    }
    case 'keras':
      return modelFromKeras(decodeKerasFile(await readWholeFile(file, signal), file), file);
    case 'tfjs': {
      // Imported on demand: TensorFlow.js takes a while to load.
      const { readTensorFlowJsModel } = await import('./tfjs-file.js');
      return modelFromKeras(await readTensorFlowJsModel(file, signal), file);
    }
  }
}
