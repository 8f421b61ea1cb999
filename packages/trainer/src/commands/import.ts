/** `unroll import`: a language model that PyTorch, Keras or TensorFlow.js saved, as a checkpoint. */
import { elementCount, parameterShapes } from '@unroll/core';
import { type Command, Option } from 'commander';
import { inspectModel, writeModel } from '../checkpoint/checkpoint.js';
import { checkWritable } from '../checkpoint/folder.js';
import { UnrollError, UsageError } from '../errors.js';
import { type ImportRequest, importModel, sources } from '../import/import-model.js';
import { interruptible } from '../terminal/interrupt.js';
import { log } from '../terminal/progress.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ImportFlags extends Omit<ImportRequest, 'file'> {
  out: string;
  json?: boolean;
}

interface ImportResult {
  readonly checkpoint: string;
  readonly cell: string;
  readonly layers: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  readonly vocabSize: number;
  readonly tieWeights: boolean;
  readonly parameters: number;
}

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('make a checkpoint of a language model that another framework saved; no code in its file is executed')
    .argument('<file>', 'a state_dict (.pt, .safetensors), a Keras model (.h5, .keras) or a model.json')
    .addOption(new Option('--from <framework>', 'what saved it').choices(sources).makeOptionMandatory())
    .requiredOption('--out <dir>', 'where the checkpoint goes; an imported one there is replaced')
    .requiredOption('--vocab <file>', 'words by id: one a line, a JSON list or object, or a tokenizer.json')
    .option('--mapping <file>', 'of PyTorch: a JSON file that names the modules embedding, recurrent and output')
    .addOption(jsonOption())
    .action(async (file: string, flags: ImportFlags) => {
      const result = await interruptible((signal) => importCheckpoint({ ...flags, file }, signal));
      printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'import model.pt --from pytorch --vocab words.txt --out runs/imported',
    'import model.keras --from keras --vocab words.json --out runs/imported',
    'import saved/model.json --from tfjs --vocab words.txt --out runs/imported',
  );
}

async function importCheckpoint(flags: ImportFlags & ImportRequest, signal: AbortSignal): Promise<ImportResult> {
  const { out } = flags;
  if (flags.mapping !== undefined && flags.from !== 'pytorch') {
    throw new UsageError(`--mapping: is for --from pytorch; the layers of a ${flags.from} model say what they are`);
  }
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no imported model's, and would be lost; choose another --out`);
  }
  await checkWritable(out);
  const { checkpoint, assumptions } = await importModel(flags, signal);
  for (const assumption of assumptions) log(`${flags.file}: assumed: ${assumption}`);
  await writeModel(out, checkpoint);
  const { cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights } = checkpoint.config;
  const counts = Object.values(parameterShapes(checkpoint.config)).map(elementCount);
  const parameters = counts.reduce((sum, count) => sum + count, 0);
  return { checkpoint: out, cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights, parameters };
}

function describe({ checkpoint, cell, layers, embeddingDim, hiddenDim, vocabSize, parameters }: ImportResult): string {
  const stack = `${layers} ${cell} ${layers === 1 ? 'layer' : 'layers'} of ${hiddenDim}`;
  return `${checkpoint}: ${stack}, embedding ${embeddingDim}, ${vocabSize} words, ${parameters} parameters`;
}
