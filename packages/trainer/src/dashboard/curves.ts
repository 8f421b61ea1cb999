/**
 * The curves of a run for a page: a bounded number of points, however long the run is. It draws nothing.
 */
import type { RunStart } from '../training/run.js';

/**
 * The plotted values of one step. A point that combines several steps holds their means, and the last one's number and
 * time.
 */
export interface CurvePoint {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Nats per token, or the loss per example of an application. */
  readonly loss: number;
  readonly learningRate: number;
  /** The norm before clipping. */
  readonly gradientNorm: number;
  /** Tokens or examples per second of all workers together. */
  readonly rate: number;
}

/** The result of one evaluation. */
export interface ValidationPoint {
  readonly step: number;
  /** The validation metric. */
  readonly value: number;
}

/** The tags in event files that are the same for all runs. */
export const tags = {
  loss: 'train/loss',
  perplexity: 'train/perplexity',
  learningRate: 'train/learning_rate',
  gradientNorm: 'train/gradient_norm',
  sample: 'sample',
  notices: 'notices',
} as const;

/** The tags of a run that depend on what it trains. */
export interface RunTags {
  readonly rate: string;
  readonly validation: string;
}

export function tagsOf({ unit, metric }: Pick<RunStart, 'unit' | 'metric'>): RunTags {
  return { rate: `train/${unit}_per_second`, validation: `valid/${metric}` };
}

export class Curves {
  readonly #mostPoints: number;
  #points: CurvePoint[] = [];
  #validation: ValidationPoint[] = [];
  /** The latest steps, fewer than make a point. */
  #pending: CurvePoint[] = [];
  #stepsPerPoint = 1;
  #revision = 0;

  constructor(mostPoints = 2000) {
    this.#mostPoints = mostPoints;
  }

  get points(): readonly CurvePoint[] {
    return this.#points;
  }

  get validation(): readonly ValidationPoint[] {
    return this.#validation;
  }

  /** The last step, not averaged. */
  get latest(): CurvePoint | undefined {
    return this.#pending.at(-1) ?? this.#points.at(-1);
  }

  /** Changes when existing points have changed or gone; until then, points are only added. */
  get revision(): number {
    return this.#revision;
  }

  /** Adds a step. If it is not after the latest one, the run has gone back, and later points are dropped. */
  add(point: CurvePoint): void {
    if (this.latest && point.step <= this.latest.step) this.#forgetFrom(point.step);
    this.#pending.push(point);
    if (this.#pending.length < this.#stepsPerPoint) return;
    this.#points.push(meanOf(this.#pending));
    this.#pending = [];
    if (this.#points.length > this.#mostPoints) this.#halve();
  }

  addValidation(point: ValidationPoint): void {
    this.#validation = [...this.#validation.filter(({ step }) => step < point.step), point];
  }

  #forgetFrom(step: number): void {
    this.#points = this.#points.filter((point) => point.step < step);
    this.#pending = this.#pending.filter((point) => point.step < step);
    this.#validation = this.#validation.filter((point) => point.step < step);
    this.#revision += 1;
  }

  #halve(): void {
    const pairs = Array.from({ length: Math.floor(this.#points.length / 2) }, (_, k) =>
      meanOf(this.#points.slice(2 * k, 2 * k + 2)),
    );
    this.#pending = this.#points.slice(2 * pairs.length);
    this.#points = pairs;
    this.#stepsPerPoint *= 2;
    this.#revision += 1;
  }
}

function meanOf(points: readonly CurvePoint[]): CurvePoint {
  const mean = (field: keyof CurvePoint) => points.reduce((sum, point) => sum + point[field], 0) / points.length;
  const { step, time } = points.at(-1)!;
  return {
    ...{ step, time },
    loss: mean('loss'),
    learningRate: mean('learningRate'),
    gradientNorm: mean('gradientNorm'),
    rate: mean('rate'),
  };
}
