/** The training of a language model as a job: its text as batches, its perplexity, its checkpoints. */
import { createHash } from 'node:crypto';
import { initialParameters } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { readTrainingState, type TrainingState, writeCheckpoint } from '../../checkpoint/checkpoint.js';
import { keptCheckpoints } from '../../checkpoint/checkpoint-files.js';
import type { KeptCheckpoints } from '../../checkpoint/kept-checkpoints.js';
import { computedSettings } from '../../configuration/hyperparameters.js';
import { LaneBatches } from '../../data/batches.js';
import { windowsOf } from '../../data/token-ids.js';
import type { Engine, Residents } from '../../engines/engine.js';
import { UnrollError } from '../../errors.js';
import { Evaluator } from '../../evaluation/evaluate.js';
import { bestEvaluation } from '../course.js';
import type { CheckpointedRun, JobCheckpoints, JobEvaluator, PauseResult, TrainingJob } from '../job.js';
import type { BatchesOf, LaneSlice } from '../learners/batch-source.js';
import { type JobRequest, type PreparationOptions, snapshotPolicy } from '../request.js';
import { scheduleNotices } from '../schedule-notices.js';
import { StepPlan } from '../step-plan.js';
import { LanguageModelBatches } from './language-model-batches.js';
import {
  type LanguageModelRequest,
  type PreparedTraining,
  prepareTraining,
  requireDestination,
} from './preparation.js';
import { rowTables } from './row-tables.js';
import { Sampler } from './sampler.js';
import { requireTablesFit } from './softmax.js';

/** Returns a request together with the function that prepares its job. */
export function languageModelJobRequest(request: LanguageModelRequest): JobRequest {
  const { data, out, engine, threads, command } = request;
  return {
    ...{ data, out, engine, threads, command },
    requireDestination: () => requireDestination(request),
    prepare: (options) => languageModelJob(request, options),
  };
}

/**
 * Prepares the job of a request.
 * @throws UnrollError, UsageError naming what is missing, unreadable or contradictory
 */
async function languageModelJob(request: LanguageModelRequest, options: PreparationOptions): Promise<TrainingJob> {
  const prepared = await prepareTraining(request, options);
  const { training, model, train, valid, resumed } = prepared;
  requireTablesFit(training);
  const text = textOf(prepared, { from: 0, to: training.batchSize });
  const { stepsPerEpoch } = new StepPlan(text.stepsPerEpoch, training.mode);
  const { precision, recomputeEvery } = training;
  const batchesOf: BatchesOf = (lanes, isWhole) =>
    new LanguageModelBatches({ model, training, lanes, isWhole, text: textOf(prepared, lanes) });
  return {
    training,
    model: trainableLanguageModel(model, { precision, recomputeEvery }),
    batchesOf,
    tables: rowTables(model, training),
    facts: {
      unit: 'tokens',
      trainCount: train.length,
      validCount: valid.length,
      vocabSize: model.vocabSize,
      metric: 'perplexity',
      better: 'lower',
    },
    start: {
      step: resumed?.state.step ?? 0,
      validation: resumed?.state.validation ?? [],
      evaluations: resumed?.state.evaluations,
      parameters: () => startParameters(prepared),
      slots: resumed?.slots,
      recurrent: resumed?.recurrent,
    },
    fingerprint: fingerprint(prepared),
    notices: [...prepared.notices, ...scheduleNotices(training, stepsPerEpoch, resumed?.state)],
    countOf: (batch) => text.tokensBefore(batch + 1) - text.tokensBefore(batch),
    evaluator: (engine, parameters) => evaluatorOf(prepared, engine, parameters),
    checkpoints: new LanguageModelCheckpoints(request.out, prepared, text),
    snapshots: snapshotPolicy(request),
  };
}

/**
 * Reads the training text for some lanes of the batch.
 * @throws UnrollError if the text is too short
 */
function textOf({ train, training }: PreparedTraining, slice: LaneSlice): LaneBatches {
  try {
    const { batchSize: lanes, sequenceLength: window, seed } = training;
    return new LaneBatches(train, { lanes, window, slice, inEpoch: (epoch) => train.shuffled(seed, epoch) });
  } catch (error) {
    throw new UnrollError((error as Error).message);
  }
}

function startParameters({ model, training, resumed, initial }: PreparedTraining): Record<string, Float32Array> {
  if (resumed) return resumed.parameters;
  return initial ?? initialParameters(model, { seed: training.seed, range: training.initRange });
}

function evaluatorOf(
  { model, tokenizer, training, valid }: PreparedTraining,
  engine: Engine,
  parameters: Residents,
): JobEvaluator {
  const evaluator = Evaluator.of(engine, model, parameters);
  const { sample: prompt } = training;
  const sampler = prompt === undefined ? undefined : new Sampler({ engine, model, tokenizer, parameters, prompt });
  return {
    evaluate: async function* () {
      const { perplexity } = yield* evaluator.evaluate(valid, tokenizer.startId);
      return perplexity;
    },
    ...(sampler ? { sample: () => sampler.sample() } : {}),
    [Symbol.asyncDispose]: async () => {
      await evaluator[Symbol.asyncDispose]();
      await sampler?.[Symbol.asyncDispose]();
    },
  };
}

function fingerprint({ training, train }: PreparedTraining): string {
  const hash = createHash('sha256').update(JSON.stringify(computedSettings(training)));
  for (const ids of windowsOf(train)) hash.update(ids);
  return hash.digest('hex');
}

class LanguageModelCheckpoints implements JobCheckpoints {
  readonly folder: string;
  readonly #prepared: PreparedTraining;
  readonly #text: LaneBatches;
  readonly #plan: StepPlan;
  readonly #kept: KeptCheckpoints;

  constructor(folder: string, prepared: PreparedTraining, text: LaneBatches) {
    this.folder = folder;
    this.#prepared = prepared;
    this.#text = text;
    this.#plan = new StepPlan(text.stepsPerEpoch, prepared.training.mode);
    const firstStep = prepared.resumed?.state.step ?? 0;
    this.#kept = keptCheckpoints({ folder, keep: prepared.training.keep, firstStep });
  }

  async takeOver(): Promise<CheckpointedRun | undefined> {
    // A checkpoint that cannot be read is replaced by the next one.
    const found = await readTrainingState(this.folder).catch(() => undefined);
    if (!found || !isOfOne(found, this.#prepared)) return undefined;
    this.#kept.takeOver();
    return found;
  }

  async write(
    { pause, value, validation, evaluations, state }: PauseResult,
    isDue: () => Promise<boolean>,
  ): Promise<boolean> {
    const { model, tokenizer, training, texts } = this.#prepared;
    const { step, complete, lossSum, count } = pause;
    const { parameters, slots, recurrent } = state;
    const metrics = {
      ...{ validation: [...validation], evaluations: [...evaluations], texts },
      tokens: this.#text.tokensBefore(this.#plan.batchesBefore(step)),
      trainPerplexity: count > 0 ? Math.exp(lossSum / count) : null,
      validPerplexity: evaluations.at(-1)?.value ?? null,
    };
    const checkpoint = {
      ...{ config: model, parameters, tokenizer, slots },
      recurrent: complete ? undefined : recurrent,
      state: { training, step, ...metrics },
    };
    if (!(await writeCheckpoint(this.folder, checkpoint, isDue))) return false;
    const isBest = value !== undefined && bestEvaluation('lower', evaluations)?.step === step;
    await this.#kept.add({ step, isBest });
    return true;
  }
}

/** Whether a checkpoint belongs to this run, or to one that computed the same. */
function isOfOne(found: TrainingState, { training, texts }: PreparedTraining): boolean {
  return (
    JSON.stringify([computedSettings(found.training), found.texts]) ===
    JSON.stringify([computedSettings(training), texts])
  );
}
