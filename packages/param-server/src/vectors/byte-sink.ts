/** A receiver of bytes that arrive in pieces. */

export interface ByteSink {
  /** Takes the next piece, which is valid until this returns. */
  write(bytes: Uint8Array): void;
  /** Called when all pieces have arrived. */
  end(): void;
}

/** Joins the pieces in newly allocated memory and passes the result to `done` at the end. */
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
