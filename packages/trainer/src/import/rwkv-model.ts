/**
 * Converts an RWKV-7 as it is published (`blocks.0.att.w1`) or as Hugging Face's fla names it
 * (`model.layers.0.attn.w_lora.lora.0.weight`). All sizes follow from the tensors' shapes.
 */
import { languageModelConfig } from '@unroll/core';
import { elementCount, parameterShapes, SettingError } from '@unroll/core/config';
import { transposed } from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';
import type { ImportedModel } from './imported-model.js';
import { type NamedArrays, requireShape, shapeText } from './named-arrays.js';

/** A tensor by its published name, and its name in the file. */
interface Found extends NamedArray {
  readonly nameInFile: string;
}

/**
 * Converts a model.
 * @param file its name, for errors
 * @throws UnrollError naming the version of another RWKV, or the tensor that is missing, has another shape or is of no
 *   part of RWKV-7
 */
export function modelFromRwkv(given: NamedArrays, file: string): ImportedModel {
  requireVersion7([...given.keys()], file);
  const isFla = given.has('model.embeddings.weight');
  const tensors = isFla ? publishedNames(given) : new Map([...given].map(([name, each]) => [name, found(name, each)]));
  const layers = 1 + Math.max(...[...tensors.keys()].map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0)));
  const size = (name: string, axis: number) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new UnrollError(`${file}: tensor '${name}' is missing; is the file whole?`);
    const dimension = tensor.shape[axis];
    if (tensor.shape.length === 2 && dimension! > 0) return dimension!;
    throw new UnrollError(
      `${file}: tensor '${tensor.nameInFile}' is ${shapeText(tensor.shape)}, expected a matrix; save it again`,
    );
  };
  const [vocabSize, hiddenDim] = [size('emb.weight', 0), size('emb.weight', 1)];
  const tieWeights = !tensors.has('head.weight');
  const options = {
    ...{ cell: 'rwkv7' as const, vocabSize, embeddingDim: hiddenDim, hiddenDim, layers, tieWeights },
    headSize: size('blocks.0.att.r_k', 1),
    feedForwardDim: size('blocks.0.ffn.key.weight', 0),
    decayRank: size('blocks.0.att.w1', 1),
    rateRank: size('blocks.0.att.a1', 1),
    gateRank: size('blocks.0.att.g1', 1),
    ...(layers > 1 && { valueRank: size('blocks.1.att.v1', 1) }),
  };
  if (isFla && options.headSize !== 64) {
    throw new UnrollError(
      `${file}: has heads of ${options.headSize}, whose group norm fla computes with another epsilon; only heads of 64 are read under fla's names`,
    );
  }
  const config = configOf(options, file);
  const used = new Set<string>();
  const parameters: Arrays = {};
  for (const [name, shape] of Object.entries(parameterShapes(config))) {
    if (name === 'output.bias') parameters[name] = new Float32Array(elementCount(shape));
    else parameters[name] = read(name, shape);
  }
  const unused = [...tensors].filter(([name]) => !used.has(name));
  // Published files hold the value residual of the first block, which has none.
  const foreign = unused.find(([name]) => !/^blocks\.0\.att\.v[012]$/.test(name));
  if (foreign) {
    const [, { nameInFile, shape }] = foreign;
    throw new UnrollError(
      `${file}: tensor '${nameInFile}' ${shapeText(shape)} is of no part of RWKV-7; the model may compute something else`,
    );
  }
  const assumptions = tieWeights
    ? ["the output's weights, which the file does not hold: those of the embedding, as where both are tied"]
    : [];
  return { config, parameters, assumptions, unread: unused.map(([, { nameInFile }]) => nameInFile) };

  /** Reads the published tensor of one of our parameters. */
  function read(name: string, shape: readonly number[]): Float32Array {
    const isLinear = name.endsWith('.kernel');
    const published = publishedName(name);
    const tensor = tensors.get(published);
    used.add(published);
    const place = { file, name: tensor?.nameInFile ?? published, layer: layerOf(name) };
    const expected = isLinear ? shape.toReversed() : shape;
    // Published vectors are [1, 1, width].
    const isVector = tensor && tensor.shape.filter((each) => each > 1).join() === expected.join();
    const values = requireShape(place, isVector ? { ...tensor, shape: expected } : tensor, expected);
    return isLinear ? transposed(values, expected[0]!) : values;
  }
}

function found(nameInFile: string, tensor: NamedArray): Found {
  return { ...tensor, nameInFile };
}

function configOf(options: Parameters<typeof languageModelConfig>[0], file: string) {
  try {
    return languageModelConfig(options);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new UnrollError(`${file}: its shapes do not fit each other: ${error.message}`);
  }
}

function publishedName(parameter: string): string {
  if (parameter === 'embedding.embeddings') return 'emb.weight';
  if (parameter === 'output.kernel') return 'head.weight';
  return parameter.replace(/\.kernel$/, '.weight');
}

function layerOf(parameter: string): string {
  const [, block, part] = /^blocks\.(\d+)\.(\w+)/.exec(parameter) ?? [];
  if (block === undefined) return parameter.startsWith('embedding') ? 'the embedding' : 'the output';
  const parts: Readonly<Record<string, string>> = { att: 'the time mixing', ffn: 'the channel mixing' };
  return `${parts[part!] ?? 'the normalisation'} of block ${block}`;
}

/** The version of another RWKV, by the names that it gives to tensors. */
function otherVersion(names: readonly string[]): number | undefined {
  const has = (sign: RegExp) => names.some((name) => sign.test(name));
  if (has(/\.time_maa|\.attn\.bonus$/)) return 6;
  if (!has(/\.time_(decay|first|faaaa)$/)) return undefined;
  return has(/\.time_faaaa$|\.(att|attention)\.ln_x\./) ? 5 : 4;
}

/** @throws UnrollError naming the version, or that it is no RWKV */
function requireVersion7(names: readonly string[], file: string): void {
  if (names.some((name) => /^(blocks|model\.layers)\.0\.attn?\.r_k$/.test(name))) return;
  const version = otherVersion(names);
  if (version !== undefined) {
    throw new UnrollError(`${file}: is an RWKV of version ${version}; only version 7 is read, choose such a model`);
  }
  const lacks = names.includes('emb.weight') ? 'blocks.0.att.r_k' : 'emb.weight and model.embeddings.weight';
  throw new UnrollError(`${file}: lacks tensor ${lacks}; is it an RWKV-7?`);
}

const flaNames: Readonly<Record<string, string>> = {
  'model.embeddings.weight': 'emb.weight',
  'model.norm.weight': 'ln_out.weight',
  'model.norm.bias': 'ln_out.bias',
  'lm_head.weight': 'head.weight',
};

const flaParts: Readonly<Record<string, string>> = {
  ...{ pre_norm: 'ln0', attn_norm: 'ln1', ffn_norm: 'ln2', 'attn.g_norm': 'att.ln_x' },
  ...{ 'attn.r_proj': 'att.receptance', 'attn.k_proj': 'att.key', 'attn.v_proj': 'att.value' },
  'attn.o_proj': 'att.output',
};

/** The tensors of a file of fla by their published names. */
function publishedNames(given: NamedArrays): ReadonlyMap<string, Found> {
  const tensors = new Map<string, Found>();
  for (const [name, tensor] of given) {
    const [, layer, part = ''] = /^model\.layers\.(\d+)\.(.*)$/.exec(name) ?? [];
    const block = `blocks.${layer}.`;
    const [, letter, place] = /^attn\.([wavg])_lora\.lora\.(0\.weight|2\.weight|2\.bias)$/.exec(part) ?? [];
    if (layer === undefined) {
      tensors.set(flaNames[name] ?? name, found(name, tensor));
    } else if (letter !== undefined && place !== '2.bias') {
      const [rows = 0, columns = 0] = tensor.shape;
      const values = transposed(tensor.values, rows);
      const number = place === '0.weight' ? 1 : 2;
      tensors.set(`${block}att.${letter}${number}`, found(name, { shape: [columns, rows], values }));
    } else if (letter !== undefined) {
      tensors.set(`${block}att.${letter}0`, found(name, tensor));
    } else if (part === 'attn.x_x') {
      // Older files hold all mixtures of the time mixing in one tensor.
      const width = tensor.values.length / 6;
      for (const [k, mixture] of ['r', 'w', 'k', 'v', 'a', 'g'].entries()) {
        const values = tensor.values.slice(k * width, (k + 1) * width);
        tensors.set(`${block}att.x_${mixture}`, found(name, { shape: [width], values }));
      }
    } else {
      const [, module, end] = /^(.*)\.(weight|bias)$/.exec(part) ?? [];
      const renamed = module !== undefined && flaParts[module] ? `${flaParts[module]}.${end}` : part;
      tensors.set(block + renamed.replace(/^attn\./, 'att.'), found(name, tensor));
    }
  }
  return tensors;
}
