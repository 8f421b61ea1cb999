/** `unroll convert`: a saved model of TensorFlow.js or Keras as an ONNX file. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConversionRequest, ConversionResult } from '../conversion/convert.js';
import { interruptible } from '../terminal/interrupt.js';
import { positiveInteger } from '../terminal/number-arguments.js';
import { addExamples, jsonOption, printResult } from './options.js';

interface ConvertFlags extends Omit<ConversionRequest, 'model' | 'shapes'> {
  shape: ConversionRequest['shapes'];
  json?: boolean;
}

export function addConvert(program: Command): void {
  const command = program
    .command('convert')
    .description('convert a model of TensorFlow.js or Keras to ONNX, and compare what both compute')
    .argument('<model>', 'a folder with model.json, a model.json, .keras or .h5, or the URL of a model.json')
    .requiredOption('--out <file>', 'a new file, such as model.onnx')
    .option('--opset <n>', "version of ONNX's operators, 15 to 21", positiveInteger, 17)
    .addOption(
      new Option(
        '--quantize <type>',
        'how large weights are stored; with int4, kernels of convolutions and recurrent weights are int8',
      )
        .choices(['none', 'int8', 'int4'])
        .default('none'),
    )
    .option(
      '--shape <input=sizes>',
      'shape of an input, such as tokens=batch,128: a number fixes a size, a name leaves it open (repeatable)',
      addShape,
      {},
    )
    .option('--no-check', "write the file without comparing ONNX Runtime's outputs with TensorFlow.js's")
    .addOption(jsonOption())
    .action(async (model: string, { shape, ...flags }: ConvertFlags) => {
      const { convertModel } = await import('../conversion/convert.js');
      const request = { ...flags, model, shapes: shape };
      const result = await interruptible((signal) => convertModel(request, signal));
      await printResult(flags.json, result, () => describe(result));
    });
  addExamples(
    command,
    'convert saved/model.json --out model.onnx',
    'convert model.keras --out model.onnx --quantize int8',
    'convert https://example.org/mobilenet/model.json --out mobilenet.onnx --shape images=1,224,224,3',
  );
}

function addShape(text: string, shapes: ConversionRequest['shapes']): ConversionRequest['shapes'] {
  const [, name, sizes] = /^(.+)=([^=]+)$/.exec(text) ?? [];
  const shape = sizes?.split(',').map((size) => (/^\d+$/.test(size) ? Number(size) : size.trim()));
  if (!name || !shape || shape.includes('')) {
    throw new InvalidArgumentError('It must be an input and its sizes, such as images=batch,224,224,3.');
  }
  return { ...shapes, [name]: shape };
}

function describe({ out, bytes, operators, inputs, outputs, comparison }: ConversionResult): string {
  const list = (values: ConversionResult['inputs']) =>
    values.map(({ name, dtype, shape }) => `${JSON.stringify(name)} ${dtype} [${shape.join(', ')}]`).join(', ');
  const checked = comparison
    ? `runs in ONNX Runtime, on random inputs of ${comparison.runs} size${comparison.runs === 1 ? '' : 's'}; largest difference from TensorFlow.js: ${comparison.difference.toPrecision(2)}, in ${JSON.stringify(comparison.output)}`
    : 'not compared with TensorFlow.js';
  return [
    `${out}: ${operators} operators, ${(bytes / 1e6).toFixed(1)} MB`,
    `inputs: ${list(inputs)}`,
    `outputs: ${list(outputs)}`,
    checked,
  ].join('\n');
}
