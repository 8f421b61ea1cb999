/** Measures the speed of a model's matrices and of a finished bundle on the runtime of the bundle's target. */
import type { OnnxGraph } from '@unroll/core';
import {
  chooseByMeasurement,
  decodingSpeed,
  type MatrixChoice,
  type MeasuredRuntime,
  type Measurements,
  parseManifest,
  type Target,
  weightMatrices,
} from '@unroll/edge-runtime';
import { option } from '../configuration/option-names.js';
import { firstLine, UnrollError } from '../errors.js';
import { Progress } from '../terminal/progress.js';

type BundleFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Finds the fastest scheme of each matrix on `target`, with a progress bar.
 * @throws UnrollError if this machine lacks the target
 */
export async function measuredChoices(graph: OnnxGraph, target: Target): Promise<MatrixChoice[]> {
  const progress = new Progress('measuring', weightMatrices(graph).length, 'matrices');
  try {
    return await chooseByMeasurement(graph, target, await runtimeOf(target), (done) => progress.update(done));
  } catch (error) {
    if (target !== 'webgpu') throw error;
    throw new UnrollError(
      `${option('quantization')} auto: nothing can be measured on WebGPU here (${firstLine(error)}); choose int8, mixed or int4`,
    );
  } finally {
    progress.stop();
  }
}

/** Measures tokens per second of a bundle and of its float32 counterpart. Returns nothing if this machine lacks the target. */
export async function measuredSpeeds(
  files: BundleFiles,
  float32: BundleFiles,
  target: Target,
): Promise<Pick<Measurements, 'tokensPerSecond' | 'float32TokensPerSecond'>> {
  const runtime = await runtimeOf(target);
  try {
    return {
      tokensPerSecond: Math.round(await speedOf(files, runtime)),
      float32TokensPerSecond: Math.round(await speedOf(float32, runtime)),
    };
  } catch (error) {
    if (target !== 'webgpu') throw error;
    return {};
  }
}

function speedOf(files: BundleFiles, runtime: MeasuredRuntime): Promise<number> {
  const manifest = parseManifest(files.get('manifest.json')!, 'manifest.json');
  return decodingSpeed(files.get('model.onnx')!, manifest, runtime);
}

async function runtimeOf(target: Target): Promise<MeasuredRuntime> {
  if (target === 'wasm') return {};
  const ort = await import('onnxruntime-node');
  return target === 'webgpu' ? { ort, executionProvider: 'webgpu' } : { ort };
}
