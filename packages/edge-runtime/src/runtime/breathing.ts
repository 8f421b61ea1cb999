/**
 * Lets a thread that computes step after step see its events in between: a page its input, a worker its messages.
 * ONNX Runtime computes a step in WebAssembly before it returns, and waiting for a promise lets no event through.
 */

/** Longest time without an event, in milliseconds: a frame at 60 Hz. */
const interval = 16;

/** A function to be awaited before each step; it lets events through once an interval. */
export function breathing(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < interval) return;
    await nextTask();
    last = performance.now();
  };
}

/** A later task of the event loop. Not a timeout, which browsers delay by 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
