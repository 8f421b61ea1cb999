/**
 * Lets a thread that computes step after step handle events in between: a page its input, a worker its messages.
 * WebAssembly computes a step before it returns, and waiting for a promise lets no event through.
 */
import type { StepModel } from './step.js';

/** Longest time without handling events, in milliseconds: a frame at 60 Hz. */
const interval = 16;

/** Wraps a model so that it lets events through once in each interval while it computes. */
export function breathing<State>(model: StepModel<State>): StepModel<State> {
  let last = performance.now();
  const breathe = async () => {
    if (performance.now() - last < interval) return;
    await nextTask();
    last = performance.now();
  };
  const { read } = model;
  return {
    ...model,
    async step(state, token) {
      await breathe();
      return model.step(state, token);
    },
    ...(read && {
      async read(state, tokens) {
        await breathe();
        return read(state, tokens);
      },
    }),
  };
}

/**
 * Waits for a later task of the event loop. Uses a timeout, which browsers delay by 4 ms, only without channels, as in
 * workerd.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (!('MessageChannel' in globalThis)) {
      setTimeout(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
