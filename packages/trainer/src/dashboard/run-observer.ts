/**
 * Follows a run for viewers: keeps its curves, writes them as TensorBoard event files, and serves them as a page with
 * the reports of workers and servers. Training does not depend on it.
 */
import type { RunStatus, RunStatusReader, WorkerReport } from '@unroll/param-server/client';
import { lately } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import { ResultLock } from '../files/result-lock.js';
import { EventFile } from '../tensorboard/event-file.js';
import { readEvents } from '../tensorboard/read-events.js';
import { log } from '../terminal/log.js';
import type { RunEpoch, RunEvent, RunStart, RunStep } from '../training/run.js';
import { type CurvePoint, Curves, type RunTags, tags, tagsOf } from './curves.js';
import type { PageAddress } from './page-address.js';
import { type Feed, type PageServer, servePage } from './page-server.js';
import { WorkerRateMeter } from './worker-rates.js';

export interface ObserverOptions {
  /** The run's name. */
  readonly name: string;
  /** The folder of event files. */
  readonly eventFolder: string;
  /** A name that the processes of the run share, and this one's part in it; by default it trains alone. */
  readonly run?: string;
  readonly role?: string;
  /** The page's address; by default there is no page. */
  readonly page?: PageAddress | undefined;
}

export class RunObserver implements AsyncDisposable {
  readonly #options: ObserverOptions;
  readonly #lock: ResultLock;
  readonly #curves = new Curves();
  readonly #rates = new WorkerRateMeter();
  #events: EventFile | undefined;
  #page: PageServer | undefined;
  #start: RunStart | undefined;
  #servers: RunStatusReader | undefined;
  /** The report of this process, if it trains alone. */
  #alone: WorkerReport | undefined;
  #hasEnded = false;
  /** Asks the servers, once for all readers of the same moment. */
  #askServers: (() => Promise<RunStatus>) | undefined;

  /** @throws UnrollError if the page's address cannot be listened on, or the folder of event files cannot be written, or another run writes there */
  static async open(options: ObserverOptions): Promise<RunObserver> {
    const { eventFolder: folder, run, role = 'training' } = options;
    const lock = new ResultLock({ folder, flag: option('tensorboard'), role, run, name: '.unroll-events-lock' });
    await lock.take();
    const observer = new RunObserver(options, lock);
    if (options.page) {
      observer.#page = await servePage(options.page, () => observer.#newFeed()).catch(async (error: unknown) => {
        await lock[Symbol.asyncDispose]();
        throw error;
      });
      log(`dashboard: ${observer.#page.url}`);
    }
    return observer;
  }

  private constructor(options: ObserverOptions, lock: ResultLock) {
    this.#options = options;
    this.#lock = lock;
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
    else if (event.type === 'epoch') this.#addEpoch(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    this.#events?.[Symbol.dispose]();
    await this.#page?.close();
    this.#servers?.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  #begin(start: RunStart): void {
    // A worker that was killed and restarted sends it again.
    if (this.#start) return;
    this.#start = start;
    const { eventFolder } = this.#options;
    if (start.firstStep > 0) this.#curves.addRecorded(readEvents(eventFolder), start.firstStep, this.#tags);
    this.#events = new EventFile(eventFolder);
  }

  #addStep({ step, lossSum, count, learningRate, gradientNorm, batchCount, seconds }: RunStep): void {
    const loss = lossSum / count;
    const rate = batchCount / seconds;
    this.#curves.add({ step, time: Date.now() / 1000, loss, learningRate, gradientNorm, rate });
    this.#events?.add(step, {
      [tags.loss]: loss,
      ...(this.#isLanguageModel ? { [tags.perplexity]: Math.exp(loss) } : {}),
      [tags.learningRate]: learningRate,
      [tags.gradientNorm]: gradientNorm,
      [this.#tags.rate]: rate,
    });
    if (!this.#servers) this.#alone = sumOf(this.#alone, batchCount, seconds);
  }

  #addEpoch({ step, value }: RunEpoch): void {
    if (value === undefined) return;
    this.#curves.addValidation({ step, value });
    this.#events?.more(step, { [this.#tags.validation]: value });
  }

  get #isLanguageModel(): boolean {
    return this.#start!.task === undefined;
  }

  get #tags(): RunTags {
    return tagsOf(this.#start!);
  }

  #newFeed(): Feed {
    let sent = 0;
    let revision: number | undefined;
    return async () => {
      const status = await this.#status();
      const { points, validation, latest } = this.#curves;
      const isReset = revision !== this.#curves.revision;
      const news = points.slice(isReset ? 0 : sent).map(rowOf);
      sent = points.length;
      revision = this.#curves.revision;
      return {
        ...{ name: this.#options.name, run: this.#start, hasEnded: this.#hasEnded, isReset, points: news },
        validation: validation.map(({ step, value }) => [step, value]),
        latest: latest && rowOf(latest),
        servers: status.servers,
        workers: this.#rates.look(status),
      };
    };
  }

  async #status(): Promise<RunStatus> {
    if (this.#askServers) return this.#askServers();
    const state = this.#hasEnded ? 'left' : 'alive';
    return { servers: [], workers: this.#alone ? [{ worker: 0, state, silentSeconds: 0, report: this.#alone }] : [] };
  }
}

/** In milliseconds; readers are sent data every second. */
const freshness = 500;

/** Returns the values in the order in which the page reads them. */
function rowOf({ step, time, loss, learningRate, gradientNorm, rate }: CurvePoint): number[] {
  const short = [loss, learningRate, gradientNorm, rate].map((value) => Number(value.toPrecision(6)));
  return [step, time, ...short];
}

function sumOf(report: WorkerReport | undefined, tokens: number, seconds: number): WorkerReport {
  return {
    steps: (report?.steps ?? 0) + 1,
    tokens: (report?.tokens ?? 0) + tokens,
    computeSeconds: (report?.computeSeconds ?? 0) + seconds,
    ...{ pushSeconds: 0, waitSeconds: 0, pullSeconds: 0, sentBytes: 0, receivedBytes: 0, stalenessSum: 0, lossSum: 0 },
  };
}
