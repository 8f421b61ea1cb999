/**
 * Shows a run while it goes on: writes TensorBoard event files, and serves the page of its folder with the reports of
 * workers and servers. Training does not depend on it.
 */
import { processUse, type RunStatus, type RunStatusReader, type WorkerReport } from '@unroll/param-server/client';
import { lately } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import { firstLine } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { settingFields } from '../runs/run-fields.js';
import { EventFile, removeEventFiles } from '../tensorboard/event-file.js';
import { log } from '../terminal/log.js';
import type { RunValidation } from '../training/chief-work.js';
import type { RunEvent, RunStart, RunStep } from '../training/run.js';
import { type RunTags, tags, tagsOf } from './curves.js';
import { FollowedRun, newsOf, type ReceivedRuns } from './followed-run.js';
import type { PageAddress } from './page-address.js';
import { type Feed, type PageServer, servePage } from './page-server.js';
import { WorkerRateMeter } from './worker-rates.js';

export interface ObserverOptions {
  /** The run's folder. */
  readonly out: string;
  /** The folder of event files; by default there are none. */
  readonly eventFolder?: string | undefined;
  /** A name that the processes of the run share, and this one's part in it; by default it trains alone. */
  readonly run?: string;
  readonly role?: string;
  /** The page's address; by default there is no page. */
  readonly page?: PageAddress | undefined;
}

export class RunObserver implements AsyncDisposable {
  readonly #options: ObserverOptions;
  readonly #lock: ResultLock | undefined;
  readonly #run: FollowedRun;
  readonly #rates = new WorkerRateMeter();
  #events: EventFile | undefined;
  #page: PageServer | undefined;
  #start: RunStart | undefined;
  #servers: RunStatusReader | undefined;
  /** The report of this process, if it trains alone. */
  #alone: WorkerReport | undefined;
  #hasEnded = false;
  /** Whether the record of the run could not be read. */
  #isDamaged = false;
  /** Reads the record once for all readers of the same moment. */
  readonly #refreshLately = lately(() => this.#refresh(), freshness);
  /** Asks the servers, once for all readers of the same moment. */
  #askServers: (() => Promise<RunStatus>) | undefined;

  /** @throws UnrollError if the page's address cannot be listened on, or the folder of event files cannot be written, or another run writes there */
  static async open(options: ObserverOptions): Promise<RunObserver> {
    const { eventFolder: folder, run, role = 'training' } = options;
    const lock =
      folder === undefined
        ? undefined
        : new ResultLock({ folder, flag: option('tensorboard'), role, run, name: '.unroll-events-lock' });
    await lock?.take();
    const observer = new RunObserver(options, lock);
    if (options.page) {
      observer.#page = await servePage(options.page, () => observer.#newFeed()).catch(async (error: unknown) => {
        await lock?.[Symbol.asyncDispose]();
        throw error;
      });
      log(`dashboard: ${observer.#page.url}`);
    }
    return observer;
  }

  private constructor(options: ObserverOptions, lock: ResultLock | undefined) {
    this.#options = options;
    this.#lock = lock;
    this.#run = new FollowedRun(options.out, mostPoints);
  }

  /** The page's address, if it is served. */
  get url(): string | undefined {
    return this.#page?.url;
  }

  /** Starts asking the run's servers for their status and the workers'. Closes the reader at the end. */
  watch(servers: RunStatusReader): void {
    this.#servers = servers;
    this.#askServers = lately(() => servers.read(), freshness);
  }

  /** Adds an event of worker 0, or of the process that trains alone. */
  add(event: RunEvent): void {
    if (event.type === 'start') this.#begin(event);
    else if (event.type === 'step') this.#addStep(event);
    else if (event.type === 'validation') this.#addValidation(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    await this.#refresh();
    if (this.#start && this.#run.isFinished) this.#events?.finishSession();
    this.#events?.[Symbol.dispose]();
    await this.#page?.close();
    this.#servers?.close();
    await this.#lock?.[Symbol.asyncDispose]();
  }

  #begin(start: RunStart): void {
    // A worker that was killed and restarted sends it again.
    if (this.#start) return;
    this.#start = start;
    const { eventFolder } = this.#options;
    if (eventFolder === undefined) return;
    const { settings, firstStep, notices } = start;
    if (firstStep === 0) removeEventFiles(eventFolder);
    this.#events = new EventFile(eventFolder);
    this.#events.beginSession(settingFields({ ...settings }));
    this.#events.restart(firstStep + 1);
    if (firstStep > 0) this.#events.text(firstStep, tags.notices, `resumed from step ${firstStep}`);
    for (const line of notices) this.#events.text(firstStep, tags.notices, line);
  }

  #addStep({ step, lossSum, count, learningRate, gradientNorm, batchCount, seconds }: RunStep): void {
    const loss = lossSum / count;
    const rate = batchCount / seconds;
    this.#events?.add(step, {
      [tags.loss]: loss,
      ...(this.#isLanguageModel ? { [tags.perplexity]: Math.exp(loss) } : {}),
      [tags.learningRate]: learningRate,
      [tags.gradientNorm]: gradientNorm,
      [this.#tags.rate]: rate,
    });
    if (!this.#servers) this.#alone = sumOf(this.#alone, batchCount, seconds);
  }

  #addValidation({ step, value, sample }: RunValidation): void {
    this.#events?.more(step, { [this.#tags.validation]: value });
    if (sample !== undefined) this.#events?.text(step, tags.sample, fenced(sample));
  }

  get #isLanguageModel(): boolean {
    return this.#start!.task === undefined;
  }

  get #tags(): RunTags {
    return tagsOf(this.#start!);
  }

  #newFeed(): Feed {
    const received: ReceivedRuns = new Map();
    return async () => {
      const status = await this.#status();
      await this.#refreshLately();
      return {
        ...{
          name: this.#options.out,
          runs: newsOf(this.#start ? [this.#run] : [], received),
          hasEnded: this.#hasEnded,
        },
        servers: this.#rates.lookAtServers(status),
        workers: this.#rates.look(status),
      };
    };
  }

  /** Reads the record of the run. Before it starts, the folder may have that of an earlier one. */
  async #refresh(): Promise<void> {
    if (!this.#start || this.#isDamaged) return;
    try {
      await this.#run.read();
    } catch (error) {
      this.#isDamaged = true;
      log(`${firstLine(error)}; the page shows the run as it was`, 'warning');
    }
  }

  async #status(): Promise<RunStatus> {
    if (this.#askServers) return this.#askServers();
    const state = this.#hasEnded ? 'left' : 'alive';
    return { servers: [], workers: this.#alone ? [{ worker: 0, state, silentSeconds: 0, report: this.#alone }] : [] };
  }
}

/** In milliseconds; readers are sent data every second. */
const freshness = 500;
/** The most points of the curves. */
const mostPoints = 2000;

/** Returns a text as Markdown shows it unchanged. */
function fenced(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

function sumOf(report: WorkerReport | undefined, tokens: number, seconds: number): WorkerReport {
  return {
    steps: (report?.steps ?? 0) + 1,
    tokens: (report?.tokens ?? 0) + tokens,
    computeSeconds: (report?.computeSeconds ?? 0) + seconds,
    ...{ pushSeconds: 0, waitSeconds: 0, pullSeconds: 0, sentBytes: 0, receivedBytes: 0, stalenessSum: 0, lossSum: 0 },
    ...processUse(),
  };
}
