export interface Review {
  readonly text: string;
  /** An index into `labels` of reviews.ts. */
  readonly label: number;
}
