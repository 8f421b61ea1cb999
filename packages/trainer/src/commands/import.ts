/** `unroll import`: converts a model of another framework into a checkpoint. */
import { counted } from '@unroll/param-server/config';
import { type Command, Option } from 'commander';
import type { ElmoImport, ImportResult } from '../import/import-checkpoint.js';
import { sources } from '../import/sources.js';
import type { ImportRequest } from '../library/import-model.js';
import { interruptible } from '../terminal/interrupt.js';
import { log } from '../terminal/log.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ImportFlags extends Omit<ImportRequest, 'file'> {
  json?: boolean;
}

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('make a checkpoint of a model that another framework saved; no code in its file is executed')
    .argument(
      '<file>',
      'a state_dict (.pt, .pth, .safetensors, .index.json), a Keras model (.h5, .keras), a model.json, or the folder of an ELMo or a charRNN',
    )
    .addOption(new Option('--from <framework>', 'what saved it').choices(sources).makeOptionMandatory())
    .requiredOption('--out <dir>', 'where the checkpoint goes; an imported one there is replaced')
    .option(
      '--vocab <file>',
      'words by id: one a line, a JSON list or object, or a tokenizer.json; of rwkv: the World vocabulary; ELMo and ml5 need none',
    )
    .option(
      '--mapping <file>',
      "of PyTorch: a JSON file that names the modules embedding, recurrent and output, and an RNN's nonlinearity",
    )
    .addOption(jsonOption())
    .action(async (file: string, flags: ImportFlags) => {
      const { importForeignModel } = await import('../library/import-model.js');
      const result = await interruptible((signal) => importForeignModel({ ...flags, file }, signal));
      for (const assumption of 'assumptions' in result ? result.assumptions : [])
        log(`${file}: assumed: ${assumption}`);
      if (result.unread.length > 0) log(`${file}: left unread: ${nameList(result.unread)}`);
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'import model.pt --from pytorch --vocab words.txt --out runs/imported',
    'import model.keras --from keras --vocab words.json --out runs/imported',
    'import saved/model.json --from tfjs --vocab words.txt --out runs/imported',
    'import RWKV-x070-World-0.1B.pth --from rwkv --vocab rwkv_vocab_v20230424.txt --out runs/rwkv',
    'import elmo-files --from bilm --out runs/elmo',
    'import models/shakespeare --from ml5 --out runs/shakespeare',
  );
}

function describe(result: ImportResult | ElmoImport): string {
  if ('model' in result) {
    const { checkpoint, hiddenDim, projectionDim, parameters } = result;
    return `${checkpoint}: ELMo, LSTMs of ${hiddenDim} projected to ${projectionDim}, ${parameters} parameters`;
  }
  const { checkpoint, cell, layers, embeddingDim, hiddenDim, vocabSize, parameters } = result;
  const stack = `${counted(layers, cell === 'rwkv7' ? 'rwkv7 block' : `${cell} layer`)} of ${hiddenDim}`;
  return `${checkpoint}: ${stack}, embedding ${embeddingDim}, ${vocabSize} words, ${parameters} parameters`;
}

/** Lists the first of some names, quoted, as they may contain any characters. */
function nameList(names: readonly string[]): string {
  const first = names.slice(0, 10).map((name) => JSON.stringify(name));
  return [...first, ...(names.length > first.length ? [`${names.length - first.length} more`] : [])].join(', ');
}
