/** For tests: the golden vectors that `scripts/golden/make_elmo.py` computed with PyTorch. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ElmoConfig, elmoConfig, elmoMixShapes, elmoParameterShapes } from '../models/elmo-config.js';
import { recurrentNetworkConfig } from '../recurrent/network-config.js';
import { transposed } from '../recurrent/torch-layout.js';
import { recurrentParametersFromTorch } from '../recurrent/torch-parameters.js';
import type { Values } from './onnx-runtime.js';

export interface ElmoCase {
  readonly config: ElmoConfig;
  readonly lengths: readonly number[];
  /** [batch, time, maxCharacters] */
  readonly characters: Values;
  /** [batch, time] */
  readonly words: Values;
  /** Weights of the features in the sum that was added to the loss and differentiated. */
  readonly weights: Values;
  /** The parameters by PyTorch's names, like the gradients. */
  readonly parameters: Readonly<Record<string, Values>>;
  /** [batch, time, 2·projectionDim] */
  readonly features: Values;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Values>>;
}

const committed = fileURLToPath(new URL('golden', import.meta.url));

/** @param folder the script's output folder; default the committed vectors */
export function readElmoCases(folder = committed): ElmoCase[] {
  const lines = readFileSync(`${folder}/elmo.jsonl`, 'utf8').trimEnd().split('\n');
  const [{ madeBy: _, ...sizes }, ...cases] = lines.map((line) => JSON.parse(line));
  return cases.map(({ convolutions, highwayLayers, ...rest }) => {
    const maxCharacters = rest.characters.shape[2];
    return { ...rest, config: elmoConfig({ ...sizes, maxCharacters, convolutions, highwayLayers }) };
  });
}

/** Converts PyTorch's parameters, or their gradients, to our names and layouts. */
export function elmoParametersFromTorch(
  config: ElmoConfig,
  tensors: Readonly<Record<string, Values>>,
): Record<string, Values> {
  const values = (name: string) => Float32Array.from(tensors[name]!.values);
  const found: Record<string, Float32Array> = {
    'characters.embeddings': values('characters.weight'),
    'mix.weights': values('mix_weights'),
    'mix.gamma': values('mix_gamma'),
  };
  const linear = (name: string, theirs: string) => {
    found[`${name}.kernel`] = transposed(values(`${theirs}.weight`), tensors[`${theirs}.weight`]!.shape[0]!);
    found[`${name}.bias`] = values(`${theirs}.bias`);
  };
  linear('projection', 'projection');
  linear('output', 'output');
  for (let k = 0; k < config.highwayLayers; k++) linear(`highway.${k}`, `highways.${k}`);
  for (const k of config.convolutions.keys()) {
    found[`convolution.${k}.kernel`] = convolutionKernel(tensors[`convolutions.${k}.weight`]!);
    found[`convolution.${k}.bias`] = values(`convolutions.${k}.bias`);
  }
  const { hiddenDim, projectionDim } = config;
  for (const direction of ['forward', 'backward']) {
    for (const layer of [0, 1]) {
      const lstm = recurrentNetworkConfig({ cell: 'lstm', inputDim: projectionDim, hiddenDim, projectionDim });
      const parameters = recurrentParametersFromTorch(lstm, tensors, `${direction}_layers.${layer}.`);
      for (const [name, each] of Object.entries(parameters)) {
        found[name.replace('lstm.0', `${direction}.${layer}`)] = each;
      }
    }
  }
  const shapes = { ...elmoParameterShapes(config), ...elmoMixShapes };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { shape, values: [...found[name]!] }]),
  );
}

/** Converts PyTorch's [features, characterDim, width] to [width·characterDim, features]. */
function convolutionKernel({ shape: [features = 0, dim = 0, width = 0], values }: Values): Float32Array {
  const kernel = new Float32Array(values.length);
  for (let feature = 0; feature < features; feature++) {
    for (let d = 0; d < dim; d++) {
      for (let w = 0; w < width; w++) {
        kernel[(w * dim + d) * features + feature] = values[(feature * dim + d) * width + w]!;
      }
    }
  }
  return kernel;
}
