/**
 * Runs `unroll` in this process, for tests of many command lines that start nothing; a separate process for each would
 * take seconds.
 */
import { main } from '../cli.js';
import { type Outcome, withPlainLog } from './unroll-process.js';

/** The command's output as a process would print it, and its exit status. */
export async function unrollHere(...args: readonly string[]): Promise<Outcome> {
  using stdout = caught(process.stdout);
  using stderr = caught(process.stderr);
  const status = await main(withPlainLog(args));
  return { status, stdout: stdout.text, stderr: stderr.text };
}

/** Collects what is written to a stream until disposal. */
function caught(stream: NodeJS.WriteStream): { readonly text: string } & Disposable {
  const { write } = stream;
  let text = '';
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]) => {
    text += chunk;
    const done = rest.at(-1);
    if (typeof done === 'function') done();
    return true;
  };
  return {
    get text() {
      return text;
    },
    [Symbol.dispose]() {
      stream.write = write;
    },
  };
}
