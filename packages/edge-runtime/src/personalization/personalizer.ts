/**
 * Adapts a model to its owner. The bundle's own step stays loaded beside the personalized one, so that undoing restores
 * exactly the same outputs. Texts are read here and are sent nowhere.
 */
import { generateTokens, seededRandom } from '@unroll/core/decoding';
import { decodeOnnx, encodeOnnx, type OnnxGraph } from '@unroll/core/onnx';
import type { Tokenizer } from '@unroll/core/text';
import type { Folder } from '../bundle/folder.js';
import { type Manifest, modelFile, type PersonalizationFile, personalizationFiles } from '../bundle/manifest.js';
import { type Bundle, readPersonalizationFile } from '../bundle/read-bundle.js';
import { BundleError } from '../errors.js';
import type { LoadedStep } from '../loading/device.js';
import { dequantizedParameters } from '../quantization/dequantize.js';
import { scoreIds } from '../runtime/score.js';
import type { OnnxRuntime } from '../runtime/session.js';
import type { StepModel } from '../runtime/step.js';
import { type ContributeOptions, type Contribution, contributeTo, difference } from './contribution.js';
import type {
  PersonalizationMethod,
  PersonalizationResult,
  PersonalizationStatus,
  PersonalizeOptions,
} from './options.js';
import {
  changedParameters,
  initialTrained,
  inputShapes,
  type Parameters,
  personalizedGraph,
  trainedShapes,
} from './parameters.js';
import { largestShare, withShare } from './restraint.js';
import { type PersonalizationRecord, PersonalizationStorage, whyForeign } from './storage.js';
import { train } from './training.js';

/** The parts of a loaded bundle that personalizing needs. */
export interface PersonalizerContext {
  readonly folder: Folder;
  readonly manifest: Manifest;
  readonly tokenizer: Tokenizer;
  /** The bundle's own step. */
  readonly base: StepModel;
  /** Reads the bundle's model.onnx again, because it is not kept in memory. */
  readModel(): Promise<Uint8Array<ArrayBuffer>>;
  loadStep(bundle: Pick<Bundle, 'model' | 'manifest'>): Promise<LoadedStep>;
  /** Loads the ONNX Runtime that trains, when it is needed. */
  ort(): Promise<OnnxRuntime>;
}

const defaultLearningRates: Record<PersonalizationMethod, number> = {
  adapters: 0.003,
  full: 0.001,
  'output-bias': 0.02,
};

/** The most tokens that the model writes itself, to be trained on beside the texts. */
const longestRehearsal = 8192;
/** Number of tokens from which perplexities before and after are computed. */
const measuredTokens = 1024;
const fewestTokens = 16;

export class Personalizer {
  readonly #context: PersonalizerContext;
  readonly #storage = new PersonalizationStorage();
  #record: PersonalizationRecord | undefined;
  #status: PersonalizationStatus = {};
  #busy = false;
  /** Whether the browser has a record of this bundle. */
  #isStored = false;

  constructor(context: PersonalizerContext) {
    this.#context = context;
  }

  get status(): PersonalizationStatus {
    return this.#status;
  }

  /** Why the browser does not store what is learned; undefined if it does. */
  get storageProblem(): string | undefined {
    return this.#storage.problem;
  }

  /**
   * Loads the step that an earlier session stored for this bundle; undefined if there is none, or it cannot be used.
   */
  async restore(): Promise<StepModel | undefined> {
    const { folder } = this.#context;
    const record = await this.#storage.read(folder, this.#sha256);
    if (!record) return undefined;
    const foreign = whyForeign(record, this.#sha256);
    if (foreign !== undefined) {
      await this.#storage.delete(folder);
      this.#status = { discarded: foreign };
      return undefined;
    }
    this.#isStored = true;
    try {
      const { step } = await this.#build(record, await this.#readBase(decodeOnnx(record.step)));
      this.#keep(record);
      return step;
    } catch (error) {
      this.#status = { discarded: `it cannot be used (${(error as Error).message})` };
      return undefined;
    }
  }

  /**
   * Trains on the texts.
   * @throws RangeError for too little text or an option out of range; BundleError; the signal's reason if it aborts
   */
  async personalize(
    texts: readonly string[],
    options: PersonalizeOptions,
  ): Promise<{ step: StepModel; result: PersonalizationResult }> {
    if (this.#busy) throw new Error('the model is being personalized already; wait for it, or abort it');
    this.#busy = true;
    try {
      return await this.#personalize(texts, options);
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Forgets what was learned, here and in the browser's storage.
   * @throws BundleError `storage-failed` if the browser still has it
   */
  async undo(): Promise<void> {
    this.#record = undefined;
    this.#status = {};
    await this.#storage.delete(this.#context.folder);
    const { problem } = this.#storage;
    if (problem !== undefined && this.#isStored) {
      const message = `what the model learned is still stored: ${problem}; try again, or clear this site's data`;
      throw new BundleError('storage-failed', message);
    }
    this.#isStored = false;
  }

  /** Sends what was learned, clipped and noised, to the current round of a gateway. */
  async contribute(gateway: string, options: ContributeOptions): Promise<Contribution> {
    if (!this.#record) throw new Error('there is nothing to contribute; personalize the model first');
    const { parameters } = await this.#readBase(decodeOnnx(this.#record.step));
    const update = difference(parameters, changedParameters(parameters, this.#record.trained));
    return contributeTo(gateway, update, this.#sha256, options);
  }

  async #personalize(
    texts: readonly string[],
    {
      method = 'adapters',
      steps = 200,
      learningRate = defaultLearningRates[method],
      signal,
      onProgress,
    }: PersonalizeOptions,
  ): Promise<{ step: StepModel; result: PersonalizationResult }> {
    signal?.throwIfAborted();
    checkOptions(method, steps, learningRate);
    const { base: baseStep, tokenizer } = this.#context;
    const own = this.#encode(texts);
    const stepBytes = await this.#readFile(personalizationFiles.step, signal);
    const graph = decodeOnnx(await this.#readFile(personalizationFiles[method], signal));
    const base = await this.#readBase(decodeOnnx(stepBytes));
    const general = await this.#write(Math.min(64 * steps, longestRehearsal) + measuredTokens, signal);
    const rehearsal = general.slice(measuredTokens);
    const earlier = this.#record?.method === method ? this.#record.trained : undefined;

    const started = earlier ?? initialTrained(trainedShapes(graph), base.parameters);
    const job = { graph, base: base.parameters, trained: started, own, general: rehearsal, steps, learningRate };
    const learned = await train({ ...job, signal, onProgress }, await this.#context.ort());

    const perplexity = async (step: StepModel, ids: readonly number[]) =>
      (await scoreIds(step, tokenizer.startId, ids.slice(0, measuredTokens), { signal })).perplexity;
    const before = { texts: await perplexity(baseStep, own), general: await perplexity(baseStep, general) };
    const recordOf = (share: number): PersonalizationRecord => {
      const trained = withShare(learned, base.parameters, share);
      return { version: 1, model: this.#sha256, method, step: stepBytes, trained };
    };
    const share = await largestShare(async (share) => {
      const { step } = await this.#build(recordOf(share), base);
      const after = await perplexity(step, general);
      await step.dispose();
      return after / before.general;
    });
    const record = recordOf(share);
    const { step } = await this.#build(record, base);
    const after = { texts: await perplexity(step, own), general: await perplexity(step, general) };
    signal?.throwIfAborted();
    const stored = await this.#storage.write(this.#context.folder, record);
    this.#isStored ||= stored;
    this.#keep(record);
    const change = (of: 'texts' | 'general') => ({ before: before[of], after: after[of] });
    return { step, result: { method, texts: change('texts'), general: change('general'), stored } };
  }

  get #sha256(): string {
    return this.#context.manifest.files[modelFile].sha256;
  }

  #keep(record: PersonalizationRecord): void {
    this.#record = record;
    this.#status = { method: record.method };
  }

  #build({ step, trained }: PersonalizationRecord, { bundle, parameters }: Base): Promise<LoadedStep> {
    const changed = changedParameters(parameters, trained);
    const graph = personalizedGraph(bundle, decodeOnnx(step), parameters, changed);
    return this.#context.loadStep({ model: new Uint8Array(encodeOnnx(graph)), manifest: this.#context.manifest });
  }

  async #readBase(step: OnnxGraph): Promise<Base> {
    const states = new Set(this.#context.manifest.state.map(({ input }) => input));
    const shapes = inputShapes(step, (name) => name !== 'ids' && !states.has(name));
    const bundle = decodeOnnx(await this.#context.readModel());
    return { bundle, parameters: dequantizedParameters(bundle, shapes) };
  }

  #readFile(name: PersonalizationFile, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
    return readPersonalizationFile(this.#context.folder, name, this.#context.manifest, signal);
  }

  #encode(texts: readonly string[]): number[] {
    const { tokenizer } = this.#context;
    const ids = texts.flatMap((text) => tokenizer.encode(text.endsWith('\n') ? text : `${text}\n`));
    if (ids.length >= fewestTokens) return ids;
    throw new RangeError(`the texts have ${ids.length} tokens, personalizing needs ${fewestTokens}; give more text`);
  }

  /**
   * Lets the model write text from what it learned in training. Rehearsing this text keeps the model from forgetting it
   * (pseudorehearsal, Robins 1995, section 4).
   */
  async #write(tokens: number, signal: AbortSignal | undefined): Promise<number[]> {
    const { base, tokenizer } = this.#context;
    const { step, initialState: state } = base;
    const options = { step, state, prompt: [tokenizer.eosId], maxTokens: tokens, random: seededRandom(1), signal };
    const ids: number[] = [];
    for await (const id of generateTokens(options)) ids.push(id);
    return ids;
  }
}

/** The bundle's graph, and its parameters in float32. */
interface Base {
  readonly bundle: OnnxGraph;
  readonly parameters: Parameters;
}

function checkOptions(method: PersonalizationMethod, steps: number, learningRate: number): void {
  if (!Object.hasOwn(defaultLearningRates, method)) {
    throw new RangeError(`method must be adapters, full or output-bias, got '${method}'`);
  }
  if (!Number.isSafeInteger(steps) || steps < 1) throw new RangeError(`steps must be a positive integer, got ${steps}`);
  if (!(learningRate > 0 && learningRate < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`learningRate must be a positive number, got ${learningRate}`);
  }
}
