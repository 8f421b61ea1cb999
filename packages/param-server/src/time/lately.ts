/** Returns `make`, with its result shared by all callers until it resolves and for `milliseconds` after. */
export function lately<Result>(make: () => Promise<Result>, milliseconds: number): () => Promise<Result> {
  let latest: Promise<Result> | undefined;
  return () => {
    if (latest) return latest;
    latest = make().finally(() =>
      setTimeout(() => {
        latest = undefined;
      }, milliseconds).unref(),
    );
    return latest;
  };
}
