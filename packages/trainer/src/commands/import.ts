/** `unroll import`: converts a language model saved by PyTorch, Keras or TensorFlow.js into a checkpoint. */
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import type { ImportResult } from '../import/import-checkpoint.js';
import type { ImportRequest } from '../import/import-model.js';
import { sources } from '../import/sources.js';
import { interruptible } from '../terminal/interrupt.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ImportFlags extends Omit<ImportRequest, 'file'> {
  out: string;
  json?: boolean;
}

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('make a checkpoint of a language model that another framework saved; no code in its file is executed')
    .argument('<file>', 'a state_dict (.pt, .safetensors, .index.json), a Keras model (.h5, .keras) or a model.json')
    .addOption(new Option('--from <framework>', 'what saved it').choices(sources).makeOptionMandatory())
    .requiredOption('--out <dir>', 'where the checkpoint goes; an imported one there is replaced')
    .requiredOption('--vocab <file>', 'words by id: one a line, a JSON list or object, or a tokenizer.json')
    .option(
      '--mapping <file>',
      "of PyTorch: a JSON file that names the modules embedding, recurrent and output, and an RNN's nonlinearity",
    )
    .addOption(jsonOption())
    .action(async (file: string, flags: ImportFlags) => {
      if (flags.mapping !== undefined && flags.from !== 'pytorch') {
        throw new UsageError(`--mapping: is for --from pytorch; the layers of a ${flags.from} model say what they are`);
      }
      const { importCheckpoint } = await import('../import/import-checkpoint.js');
      const result = await interruptible((signal) => importCheckpoint({ ...flags, file }, flags.out, signal));
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'import model.pt --from pytorch --vocab words.txt --out runs/imported',
    'import model.keras --from keras --vocab words.json --out runs/imported',
    'import saved/model.json --from tfjs --vocab words.txt --out runs/imported',
  );
}

function describe({ checkpoint, cell, layers, embeddingDim, hiddenDim, vocabSize, parameters }: ImportResult): string {
  const stack = `${layers} ${cell} ${layers === 1 ? 'layer' : 'layers'} of ${hiddenDim}`;
  return `${checkpoint}: ${stack}, embedding ${embeddingDim}, ${vocabSize} words, ${parameters} parameters`;
}
