/** Where bytes go that come in pieces. */

export interface ByteSink {
  /** Takes the next piece, which is valid until this returns. */
  write(bytes: Uint8Array): void;
  /** All have come. */
  end(): void;
}

/** Puts the pieces together, in memory of their own, and hands them over at the end. */
export function gathering(length: number, done: (bytes: Uint8Array) => void): ByteSink {
  const whole = new Uint8Array(length);
  let filled = 0;
  return {
    write: (bytes) => {
      whole.set(bytes, filled);
      filled += bytes.length;
    },
    end: () => done(whole),
  };
}
