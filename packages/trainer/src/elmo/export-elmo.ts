/** The bundle of ELMo for pages and devices: its graphs with their weights, which `loadElmo` of the edge runtime runs. */
import { elmoParameterShapes, graphOfProgram } from '@unroll/core';
import { elmoStepProgram, elmoWordsProgram } from '@unroll/core/internal';
import { buildApplication, type MatrixScheme } from '@unroll/edge-runtime';
import { requireFiniteParameters } from '../checkpoint/finite.js';
import { elmoKind, readElmoCheckpoint } from './elmo-checkpoint.js';
import { elmoSizes, wordsPerRun } from './extractor.js';

/**
 * Builds the files of a checkpoint's bundle, by name.
 * @throws UnrollError naming what is wrong with the checkpoint
 */
export async function elmoBundle(
  checkpoint: string,
  scheme: MatrixScheme,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { config, parameters } = await readElmoCheckpoint(checkpoint);
  requireFiniteParameters(parameters, checkpoint);
  const shapes = elmoParameterShapes(config);
  const graphs = {
    words: graphOfProgram(elmoWordsProgram(config, wordsPerRun), shapes, parameters),
    step: graphOfProgram(elmoStepProgram(config, 1), shapes, parameters),
  };
  const { hiddenDim } = config;
  return buildApplication({ task: elmoKind, graphs, config: { model: { ...elmoSizes(config), hiddenDim } }, scheme });
}
