/** Events that come when they come, as an async iterable that ends when a promise settles. */
export class EventQueue<Event> implements AsyncIterable<Event> {
  #events: Event[] = [];
  #end: Promise<void> | undefined;
  #hasNews = deferred();

  add(event: Event): void {
    this.#events.push(event);
    this.#hasNews.resolve();
  }

  /** Ends the iteration, after the events that have come by then, when the promise resolves or rejects. */
  endWith(end: Promise<void>): void {
    this.#end = end;
    // The iteration handles its rejection, as soon as it gets there.
    end.then(this.#wake, this.#wake);
  }

  #hasEnded = false;

  readonly #wake = (): void => {
    this.#hasEnded = true;
    this.#hasNews.resolve();
  };

  /** @throws the reason for which the end was rejected */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    for (;;) {
      const events = this.#events;
      this.#events = [];
      this.#hasNews = deferred();
      yield* events;
      if (this.#events.length > 0) continue;
      if (this.#hasEnded) return this.#end;
      await this.#hasNews.promise;
    }
  }
}

/** Returns a promise with the function that resolves it. */
export function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
