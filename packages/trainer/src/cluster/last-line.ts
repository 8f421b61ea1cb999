/** The last line that a process of ours wrote to its log: the reason, if it failed. */

const error = /^(unroll: |error: )/;

export class LastLine {
  #line = '';

  /** Reads a part of the log. Lines of a stack trace are passed over. */
  add(text: string): void {
    const lines = text.trim().split('\n');
    this.#line = lines.findLast((line) => !/^\s+at /.test(line)) ?? this.#line;
  }

  /** Whether the command itself said why it failed. */
  get isOfCommand(): boolean {
    return this.#line.startsWith('unroll: ');
  }

  /** The reason, which may be empty. */
  get reason(): string {
    return this.#line.replace(error, '');
  }
}
