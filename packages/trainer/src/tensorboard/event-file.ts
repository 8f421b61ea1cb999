/** Writes scalars, texts and hyperparameters to a TensorBoard event file, to which it appends during the run. */
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileErrorReason } from '../files/file-error.js';
import { tensorboard } from '../generated/tensorboard.js';
import { log } from '../terminal/log.js';
import { recordOf } from './records.js';

const { Event, HParamsPluginData, SessionEndInfo, SessionLog, SummaryMetadata, TensorProto } = tensorboard;
const { DataType } = TensorProto;

/** The names of our files: milliseconds, host, process. Those of TensorFlow and PyTorch have seconds and a number more. */
const ownName = /^events\.out\.tfevents\.\d{13}\..+\.\d+$/;

/**
 * Removes our event files from a folder, for a run that begins anew: TensorBoard shows the hyperparameters of the first
 * file, also where later ones void its values. Where this fails, they stay.
 */
export function removeEventFiles(folder: string): void {
  try {
    for (const name of readdirSync(folder)) if (ownName.test(name)) rmSync(join(folder, name));
  } catch (error) {
    log(`${folder}: an earlier event file stays: ${fileErrorReason(error)}; training goes on`, 'warning');
  }
}

export class EventFile implements Disposable {
  readonly #path: string;
  #file: number | undefined;
  /** The last step written to this file. */
  #step = Number.NEGATIVE_INFINITY;

  /** Creates a file in an existing folder. If it cannot be written, a warning is logged once, and training goes on. */
  constructor(folder: string, now = Date.now()) {
    this.#path = join(folder, `events.out.tfevents.${now}.${hostname()}.${process.pid}`);
    this.#attempt(() => {
      this.#file = openSync(this.#path, 'a');
    });
    this.#append({ wallTime: now / 1000, fileVersion: 'brain.Event:2' });
  }

  /**
   * Writes values of one step, by tag; undefined values are skipped. A step that is not after the last one, or the
   * first of this file, invalidates earlier values from that step on, here and in older files: the run was resumed from
   * before it.
   */
  add(step: number, values: Readonly<Record<string, number | undefined>>, now = Date.now()): void {
    if (step <= this.#step || this.#step === Number.NEGATIVE_INFINITY) this.restart(step, now);
    this.#step = step;
    this.more(step, values, now);
  }

  /** Voids earlier values from this step on: the run begins there, or again. */
  restart(step: number, now = Date.now()): void {
    this.#step = step - 1;
    this.#append({ wallTime: now / 1000, step, sessionLog: { status: SessionLog.SessionStatus.START } });
  }

  /** Writes more values of a step that was {@link add}ed before. */
  more(step: number, values: Readonly<Record<string, number | undefined>>, now = Date.now()): void {
    const value = Object.entries(values).flatMap(([tag, simpleValue]) =>
      simpleValue === undefined ? [] : [{ tag, simpleValue }],
    );
    this.#append({ wallTime: now / 1000, step, summary: { value } });
  }

  /** Writes a text, which TensorBoard shows as Markdown. */
  text(step: number, tag: string, text: string, now = Date.now()): void {
    const tensor = { dtype: DataType.DT_STRING, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from(text)] };
    this.#appendFor('text', { wallTime: now / 1000, step }, { tag, tensor });
  }

  /** Writes the hyperparameters by which TensorBoard compares runs. It shows those of a folder's first file. */
  beginSession(hyperparameters: Readonly<Record<string, string | number | undefined>>, now = Date.now()): void {
    const hparams: Record<string, tensorboard.HParamValue.$Properties> = {};
    for (const [name, value] of Object.entries(hyperparameters)) {
      if (value !== undefined)
        hparams[name] = typeof value === 'number' ? { numberValue: value } : { stringValue: value };
    }
    this.#session('_hparams_/session_start_info', { sessionStartInfo: { hparams, startTimeSecs: now / 1000 } }, now);
  }

  /** Writes that the run has finished. TensorBoard keeps the first such word, so a run that may go on has none. */
  finishSession(now = Date.now()): void {
    const sessionEndInfo = { status: SessionEndInfo.Status.STATUS_SUCCESS, endTimeSecs: now / 1000 };
    this.#session('_hparams_/session_end_info', { sessionEndInfo }, now);
  }

  #session(tag: string, data: tensorboard.HParamsPluginData.$Properties, now: number): void {
    const content = HParamsPluginData.encode(data).finish();
    // TensorBoard requires a tensor, and ignores it.
    const tensor = { dtype: DataType.DT_FLOAT, tensorShape: {}, floatVal: [0] };
    this.#appendFor('hparams', { wallTime: now / 1000 }, { tag, tensor }, content);
  }

  #appendFor(
    pluginName: string,
    event: Omit<tensorboard.Event.$Properties, 'summary'>,
    value: { readonly tag: string; readonly tensor: tensorboard.TensorProto.$Properties },
    content: Uint8Array = new Uint8Array(),
  ): void {
    const dataClass = SummaryMetadata.DataClass.DATA_CLASS_TENSOR;
    const metadata = { pluginData: { pluginName, content }, dataClass };
    this.#append({ ...event, summary: { value: [{ ...value, metadata }] } });
  }

  #append(event: tensorboard.Event.$Properties): void {
    const file = this.#file;
    if (file !== undefined) this.#attempt(() => writeSync(file, recordOf(Event.encode(event).finish())));
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      log(`${this.#path}: no more events are written: ${fileErrorReason(error)}; training goes on`, 'warning');
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    // Some file systems report only now that the disk is full.
    if (file !== undefined) this.#attempt(() => closeSync(file));
  }
}
