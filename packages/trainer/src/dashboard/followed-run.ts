/**
 * Follows a run's folder for viewers: reads what `metrics.jsonl` gains, and keeps the curves, samples and notices. The
 * run may go on, have ended, or be resumed meanwhile.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrollError } from '../errors.js';
import { fileErrorReason, isFileError } from '../files/file-error.js';
import { isBeingWritten } from '../files/result-lock.js';
import { configurationFile, metricsFile } from '../files/run-files.js';
import { type LineOf, type MetricsLine, parseMetrics } from '../runs/metrics.js';
import { type RunConfiguration, readConfiguration } from '../runs/run-configuration.js';
import { settingFields } from '../runs/run-fields.js';
import type { RunState } from '../runs/run-summary.js';
import { type CurvePoint, Curves } from './curves.js';

/** A line for people, with its time in seconds since 1970. */
type Notice = Pick<LineOf<'notice'>, 'time' | 'step' | 'severity' | 'line'>;

/** Use of the machine by the process that records. */
interface ProcessUse {
  /** Cores that it has kept busy lately. */
  readonly cores: number;
  readonly memoryBytes: number;
}

/** How much of a run one reader has received. */
interface Received {
  points: number;
  curves: number;
  version: string;
}

const mostSamples = 20;
const mostNotices = 100;

export class FollowedRun {
  readonly folder: string;
  readonly #mostPoints: number;
  #configuration: RunConfiguration | undefined;
  #configurationTime = 0;
  #state: RunState = 'stopped';
  /** The file that was read, how far, and how many lines. */
  #place = { file: 0, offset: 0, lines: 0 };
  #curves: Curves;
  #samples: LineOf<'sample'>[] = [];
  #notices: Notice[] = [];
  #start: LineOf<'start'> | undefined;
  #end: LineOf<'end'> | undefined;
  #process: LineOf<'process'> | undefined;
  #use: ProcessUse | undefined;
  /** Seconds of the processes before the current one, and the time of the latest line. */
  #earlierSeconds = 0;
  #time = 0;
  /** Counts the resets, so that each has curves of its own. */
  #resets = 0;

  /** @param mostPoints the most points of its curves */
  constructor(folder: string, mostPoints: number) {
    this.folder = folder;
    this.#mostPoints = mostPoints;
    this.#curves = new Curves(mostPoints);
  }

  /** Whether the last process that trained has come to its end. */
  get isFinished(): boolean {
    return this.#end?.state === 'finished';
  }

  /** Reads what is new. @throws UnrollError naming the file or line that is wrong */
  async read(): Promise<void> {
    const isWritten = await isBeingWritten(this.folder);
    this.#readConfiguration();
    this.#readMetrics();
    this.#state = isWritten ? 'running' : (this.#end?.state ?? 'stopped');
  }

  /** Returns what a reader has not received; undefined if that is nothing. */
  newsFor(received: Received | undefined): { readonly news: object; readonly received: Received } | undefined {
    const { points, validation, latest, revision } = this.#curves;
    const curves = this.#resets * 1e6 + revision;
    const place = [this.#place.file, this.#place.offset, this.#configurationTime, this.#state];
    const version = place.join(' ');
    if (received?.version === version) return undefined;
    const isReset = received?.curves !== curves;
    const news = {
      ...{ id: this.folder, run: this.#facts(), state: this.#state, reason: this.#end?.reason, isReset },
      points: points.slice(isReset ? 0 : received!.points).map(rowOf),
      validation: validation.map(({ step, value }) => [step, value]),
      latest: latest && rowOf(latest),
      seconds: this.#earlierSeconds + (this.#start ? this.#time - this.#start.time : 0),
      samples: this.#samples,
      notices: this.#notices,
      use: this.#use,
    };
    return { news, received: { points: points.length, curves, version } };
  }

  #facts(): object | undefined {
    if (!this.#configuration || !this.#start) return undefined;
    const { task, unit, vocabSize, trainCount, metric, better, parameters, settings, sessions } = this.#configuration;
    const { engine, workers } = sessions.at(-1)!;
    const { step: firstStep, totalSteps, stepsPerEpoch, epochs } = this.#start;
    return {
      ...{ task, unit, vocabSize, trainCount, metric, better, parameters, engine, workers },
      ...{ firstStep, totalSteps, stepsPerEpoch, epochs, settings: settingFields(settings) },
    };
  }

  #readConfiguration(): void {
    const time = statSync(join(this.folder, configurationFile), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (time === this.#configurationTime) return;
    this.#configuration = readConfiguration(this.folder);
    this.#configurationTime = time;
  }

  #readMetrics(): void {
    const path = join(this.folder, metricsFile);
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      if (isFileError(error) && error.code === 'ENOENT') {
        this.#reset(0);
        return;
      }
      throw new UnrollError(`${path}: cannot be read: ${fileErrorReason(error)}`);
    }
    try {
      const { ino, size } = fstatSync(file);
      // A run that was resumed has another file: lines after its step are dropped.
      if (ino !== this.#place.file || size < this.#place.offset) this.#reset(ino);
      const bytes = Buffer.alloc(size - this.#place.offset);
      const length = readSync(file, bytes, 0, bytes.length, this.#place.offset);
      const whole = bytes.subarray(0, bytes.subarray(0, length).lastIndexOf(0x0a) + 1);
      const lines = parseMetrics(whole.toString(), path, this.#place.lines + 1);
      this.#place.offset += whole.length;
      this.#place.lines += lines.length;
      for (const line of lines) this.#add(line);
    } finally {
      closeSync(file);
    }
  }

  #reset(file: number): void {
    this.#place = { file, offset: 0, lines: 0 };
    this.#curves = new Curves(this.#mostPoints);
    this.#resets += 1;
    [this.#samples, this.#notices, this.#earlierSeconds, this.#time] = [[], [], 0, 0];
    this.#start = this.#end = this.#process = this.#use = undefined;
  }

  #add(line: MetricsLine): void {
    if (line.type === 'start') this.#begin(line);
    this.#time = line.time;
    if (line.type === 'step') {
      const { step, time, loss, learningRate, gradientNorm, count, seconds } = line;
      const figures = { loss: loss ?? Number.NaN, learningRate: learningRate ?? Number.NaN };
      this.#curves.add({
        ...{ step, time, ...figures, gradientNorm: gradientNorm ?? Number.NaN, rate: count / seconds },
      });
    } else if (line.type === 'evaluation') {
      if (line.value !== null) this.#curves.addValidation({ step: line.step, value: line.value });
    } else if (line.type === 'sample') {
      this.#samples = [...this.#samples, line].slice(-mostSamples);
    } else if (line.type === 'process') {
      this.#addUse(line);
    } else if (line.type === 'notice') {
      this.#notice(line);
    } else if (line.type === 'end') {
      this.#end = line;
      const severity = line.state === 'failed' ? 'error' : 'info';
      this.#notice({ ...line, severity, line: `${line.state}${line.reason === undefined ? '' : `: ${line.reason}`}` });
    }
  }

  #begin(line: LineOf<'start'>): void {
    if (this.#start) this.#earlierSeconds += this.#time - this.#start.time;
    [this.#start, this.#end, this.#process] = [line, undefined, undefined];
    this.#notice({ ...line, severity: 'info', line: line.resumed ? `resumed from step ${line.step}` : 'started' });
  }

  #addUse(line: LineOf<'process'>): void {
    const before = this.#process;
    const seconds = line.time - (before?.time ?? this.#start?.time ?? line.time);
    const cores = (line.cpuSeconds - (before?.cpuSeconds ?? 0)) / seconds;
    if (seconds > 0) this.#use = { cores, memoryBytes: line.memoryBytes };
    this.#process = line;
  }

  #notice({ time, step, severity, line }: Notice): void {
    this.#notices = [...this.#notices, { time, step, severity, line }].slice(-mostNotices);
  }
}

/** Returns what a reader has not received of these runs, and enters it as received. */
export function newsOf(runs: readonly FollowedRun[], received: Map<FollowedRun, Received>): object[] {
  return runs.flatMap((run) => {
    const update = run.newsFor(received.get(run));
    if (!update) return [];
    received.set(run, update.received);
    return [update.news];
  });
}

export type ReceivedRuns = Map<FollowedRun, Received>;

/** Returns the values in the order in which the page reads them. */
function rowOf({ step, time, loss, learningRate, gradientNorm, rate }: CurvePoint): number[] {
  const short = [loss, learningRate, gradientNorm, rate].map((value) => Number(value.toPrecision(6)));
  return [step, time, ...short];
}
