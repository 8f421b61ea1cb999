/**
 * The computations that every runtime is asked for. This runs in Node, Bun, Deno, workerd and in pages, and returns
 * plain values that can be sent as JSON. It imports the package as an outside project does.
 */
import { BundleError, type LanguageModel } from '@unroll/edge-runtime';

/** The addresses of the bundles, by purpose; see bundles.ts. */
export interface Task {
  /** Bundles that the package's own kernels run, by name. The first is loaded twice, to test what is stored of it. */
  readonly bundles: Readonly<Record<string, string>>;
  /** A bundle with an operator that only ONNX Runtime supports. */
  readonly onnxRuntime: string;
  /** A bundle that can be personalized. */
  readonly personal: string;
  /** Folders of the first two bundles, if this runtime has a file system. */
  readonly folders: readonly string[];
}

export type Load = (address: string) => Promise<LanguageModel>;

/** The results of one model. */
export interface Answers {
  readonly runtime: string;
  readonly greedy: readonly Written[];
  readonly sampled: readonly Written[];
  /** Text after a state that was cloned, as storing it does. */
  readonly resumed: readonly Written[];
  readonly state: readonly number[];
  readonly suggestions: readonly (readonly string[])[];
  readonly scores: readonly Scored[];
}

interface Written {
  readonly id: number;
  readonly text: string;
}

interface Scored {
  readonly tokens: readonly string[];
  readonly spans: readonly (readonly [number, number])[];
  readonly logProbabilities: readonly number[];
}

/** The result of a part of the task, or a line that says why it failed. */
export type Outcome<Value> = { readonly value: Value } | { readonly error: string };

export interface Personalized {
  /** Whether personalizing changed the score of the texts, and undoing restored the first score exactly. */
  readonly changed: boolean;
  readonly undone: boolean;
  /** Whether the runtime reported that it stored the result, and whether the next load had it. */
  readonly stored: boolean;
  readonly restored: boolean;
}

export interface Report {
  readonly bundles: Readonly<Record<string, Outcome<Answers>>>;
  readonly folders: readonly Outcome<Answers>[];
  readonly onnxRuntime: Outcome<Answers>;
  readonly personalized: Outcome<Personalized>;
}

/**
 * Letters of several scripts, combining marks, digits, several kinds of white space, and characters of two code units.
 */
export const texts: readonly string[] = [
  'the river, then there: "word7" isn’t word1',
  'Straße, naïve cafe\u0301 — ÀÉÎ İstanbul ŒUVRE ΑΒΓ ς Σ дом, שלום، مرحبا 123 ٤٥٦',
  'हिन्दी नमस्ते 中文字符，日本語です。 한국어 ไทย 👍🏽 👩‍👩‍👧 𝔘𝔫𝔦 \u00a0\u2003\u200b\ufeff\u0085 end',
  "they're we'll I'd don't o'clock 3.14 1,000 a-b_c\td\n\nnew  line",
];

export async function runTask(task: Task, load: Load): Promise<Report> {
  const bundles: Record<string, Outcome<Answers>> = {};
  for (const [name, address] of Object.entries(task.bundles)) bundles[name] = await outcome(() => ask(address, load));
  const [first] = Object.entries(task.bundles);
  bundles[first![0]] = await outcome(() => ask(first![1], load)); // again: stored files are not downloaded twice
  const folders: Outcome<Answers>[] = [];
  for (const folder of task.folders) folders.push(await outcome(() => ask(folder, load)));
  return {
    bundles,
    folders,
    onnxRuntime: await outcome(() => ask(task.onnxRuntime, load)),
    personalized: await outcome(() => personalize(task.personal, load)),
  };
}

/** Calls all methods of the model in the bundle at `address`. */
export async function ask(address: string, load: Load): Promise<Answers> {
  const model = await load(address);
  try {
    const write = async (prompt: string, options: Parameters<LanguageModel['generate']>[1]) => {
      const written: Written[] = [];
      for await (const { id, text } of model.generate(prompt, { maxTokens: 40, ...options }))
        written.push({ id, text });
      return written;
    };
    const state = structuredClone(await model.read(texts[0]!));
    const suggestions: string[][] = [];
    for (const typed of ['the river th', 'the ', 'ΑΒ', 'naïve ca']) suggestions.push(await model.suggest(typed));
    const scores: Scored[] = [];
    for (const text of texts) {
      const { tokens, spans, tokenLogProbabilities } = await model.score(text);
      scores.push({ tokens, spans, logProbabilities: [...tokenLogProbabilities] });
    }
    return {
      runtime: model.device.runtime,
      greedy: await write('the river', { temperature: 0 }),
      sampled: await write(texts[1]!, { seed: 5, topP: 0.95 }),
      resumed: await write(' then', { state, seed: 3, temperature: 0.8, topK: 50 }),
      state: [...state.values],
      suggestions,
      scores,
    };
  } finally {
    await model.dispose();
  }
}

async function personalize(address: string, load: Load): Promise<Personalized> {
  const lines = Array.from({ length: 80 }, (_, i) => `the river word${i % 7} then there`);
  const score = async (model: LanguageModel) => (await model.score(lines[0]!)).logProbability;
  const first = await load(address);
  const before = await score(first);
  const { stored } = await first.personalize(lines, { steps: 8, learningRate: 0.02 });
  const after = await score(first);
  await first.dispose();
  const again = await load(address);
  try {
    const restored = again.personalization.method !== undefined && (await score(again)) === after;
    if (!restored) await again.personalize(lines, { steps: 8, learningRate: 0.02 });
    await again.undoPersonalization();
    return { changed: after !== before, undone: (await score(again)) === before, stored, restored };
  } finally {
    await again.dispose();
  }
}

/** The messages of the errors behind an error, each in parentheses. */
function causes(cause: unknown): string {
  return cause instanceof Error ? ` (${cause.message}${causes(cause.cause)})` : '';
}

async function outcome<Value>(work: () => Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { name, message, stack, cause } = error as Error;
    if (!(error instanceof BundleError)) return { error: `${name}: ${message}\n${stack}` };
    return { error: `${error.code}: ${message}${causes(cause)}` };
  }
}
