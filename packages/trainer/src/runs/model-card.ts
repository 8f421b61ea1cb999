/** The model card of a finished run: `README.md` and `curves.svg` in the checkpoint's folder. */
import { basename, resolve } from 'node:path';
import { duration } from '@unroll/param-server/config';
import { readResult } from '../files/result-folder.js';
import { log } from '../terminal/log.js';
import { hasForeignCard, writeCardFiles } from './card-files.js';
import { curvesSvg } from './curves-svg.js';
import { repeatCommands, shellLine } from './repeat-command.js';
import { panelsOf } from './run-curves.js';
import { configurationFields, fieldsOf, resultFields } from './run-fields.js';
import { linesOf, type RunSummary, readRun } from './run-summary.js';
import { shownValue } from './run-table.js';

/** Fields that the card has elsewhere. */
const elsewhere = new Set([
  ...resultFields,
  'data',
  'task',
  'parameters',
  'engine',
  'workers',
  'unroll',
  'node',
  'onnxruntime',
  'commit',
  'host',
  'processor',
  'cores',
]);

const sampleCount = 3;
const sampleTokens = 40;

/**
 * Writes the card of a run that has finished. A README.md that a person wrote or changed stays.
 * @throws UnrollError, the file system's error
 */
export async function writeModelCard(folder: string): Promise<void> {
  const run = await readRun(folder);
  if (!run) return;
  if (hasForeignCard(folder)) {
    log(`${folder}/README.md: is not ours, or was changed; no model card is written`, 'warning');
    return;
  }
  const samples = await samplesOf(run);
  const fingerprints = await fingerprintsOf(folder);
  writeCardFiles(
    folder,
    cardOf(run, samples, fingerprints),
    curvesSvg(panelsOf([{ name: basename(resolve(folder)), run }])),
  );
}

/** Returns the card's Markdown. */
function cardOf(run: RunSummary, samples: readonly string[], fingerprints: readonly Row[]): string {
  const { folder, configuration, step, epoch, best, latest, loss, seconds, rate } = run;
  const { data, task, unit, trainCount, validCount, vocabSize, metric, parameters, sessions } = configuration;
  const { engine, workers, versions, machine } = sessions.at(-1)!;
  const name = basename(resolve(folder));
  const isLanguageModel = task === undefined;
  const fields = fieldsOf(run);
  const settings = configurationFields([fields]).filter((field) => !elsewhere.has(field));
  return [
    `# ${name}`,
    `${isLanguageModel ? 'A recurrent language model' : `A model for the application \`${task}\``} with ${parameters} parameters, trained by [Unroll](https://github.com/unroll-lm/unroll) ${versions.unroll}.`,
    section('Results', [
      ['steps', `${step}, in epoch ${epoch}`],
      [
        `validation ${metric}`,
        `${shownValue(latest?.value ?? undefined)}; at best ${shownValue(best?.value ?? undefined)}, after step ${best?.step ?? '-'}`,
      ],
      isLanguageModel && loss !== undefined
        ? ['training perplexity', shownValue(Math.exp(loss))]
        : ['training loss', shownValue(loss)],
      ['time of training', `${duration(seconds)}, ${rate?.toFixed(0) ?? '-'} ${unit}/s`],
    ]),
    '![Training loss and validation over the steps](curves.svg)',
    section('Data', [
      ['`--data`', data === '' ? 'given by a program or module' : code(data)],
      [unit, `${trainCount} for training, ${validCount} for validation`],
      ...(vocabSize === undefined ? [] : [['vocabulary', `${vocabSize} tokens`] as const]),
      ...fingerprints,
    ]),
    section(
      'Recipe',
      settings.map((field) => [field, code(shownValue(fields[field]))] as const),
    ),
    ...(samples.length === 0 ? [] : [['## Samples', ...samples.map((text) => `> ${quoted(text)}`)].join('\n\n')]),
    ['## Repeat it', repetition(run)].join('\n\n'),
    section('Made on', [
      [
        'machine',
        `${machine.processor}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB, ${machine.platform}`,
      ],
      ['engine', workers > 1 ? `${engine}, ${workers} workers` : engine],
      [
        'versions',
        `Unroll ${versions.unroll}, Node ${versions.node}${versions.onnxruntime === undefined ? '' : `, ONNX Runtime ${versions.onnxruntime}`}`,
      ],
      ...(versions.commit === undefined ? [] : [['Git commit', code(versions.commit)] as const]),
    ]),
    'All steps and evaluations are in `metrics.jsonl`, the whole configuration in `run.json`.',
    '',
  ].join('\n\n');
}

function repetition({ folder, configuration: { sessions } }: RunSummary): string {
  const commands = repeatCommands(sessions, `${folder.replace(/[\\/]+$/, '')}-again`);
  if (!commands) return 'A program called `train` with the recipe above.';
  return ['```sh', ...commands.map((words) => `unroll ${shellLine(words)}`), '```'].join('\n');
}

type Row = readonly [name: string, value: string];

function section(title: string, rows: readonly Row[]): string {
  return [`## ${title}\n`, '|  |  |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join(
    '\n',
  );
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

function quoted(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, '\n> ')
    .replaceAll(/([*_<>`[\]\\])/g, '\\$1')
    .replaceAll('\n\\> ', '\n> ');
}

/** Returns texts that the model wrote: those of its last evaluation, or else new ones. Applications write none. */
async function samplesOf({ folder, lines, configuration }: RunSummary): Promise<string[]> {
  const shown = linesOf(lines, 'sample');
  if (shown.length > 0) return shown.filter(({ step }) => step === shown.at(-1)!.step).map(({ text }) => text);
  if (configuration.task !== undefined || configuration.vocabSize === undefined) return [];
  const { openCheckpoint } = await import('../decoding/decoding-model.js');
  await using model = await openCheckpoint(folder);
  const samples: string[] = [];
  for (let seed = 0; seed < sampleCount; seed++) {
    let text = '';
    for await (const token of model.generate('', { maxTokens: sampleTokens, temperature: 0.8, seed }))
      text += token.text;
    samples.push(text.trim());
  }
  return samples;
}

/** Returns the hashes of the data, from the checkpoint's training state. */
async function fingerprintsOf(folder: string): Promise<Row[]> {
  interface State {
    readonly texts?: Readonly<Record<string, { readonly sha256: string }>>;
    readonly data?: { readonly sha256: string };
  }
  const state = JSON.parse((await readResult(folder, 'training-state.json')).toString()) as State;
  const hashes = { ...state.texts, ...(state.data ? { examples: state.data } : {}) };
  return Object.entries(hashes).map(([part, { sha256 }]) => [`SHA-256, ${part}`, code(sha256)] as const);
}
