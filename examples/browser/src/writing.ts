/** The button that lets the model continue the text, streamed as it is written. The same button stops it. */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { tell } from './facts.js';
import { number, say } from './language.js';

/** Connects the form with the model. */
export function enableWriting(model: LanguageModel): void {
  const button = element('generate', HTMLButtonElement);
  const temperature = slider('temperature');
  const length = slider('length');
  let running: AbortController | undefined;

  element('writer', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    button.textContent = say.stop;
    const options = { temperature: temperature.valueAsNumber, maxTokens: length.valueAsNumber, seed: Date.now() };
    try {
      await write(model, { ...options, signal: running.signal });
    } catch (error) {
      if (!running.signal.aborted) throw error;
    } finally {
      running = undefined;
      button.textContent = say.continueText;
    }
  });
}

async function write(
  model: LanguageModel,
  options: { temperature: number; maxTokens: number; seed: number; signal: AbortSignal },
): Promise<void> {
  const prompt = element('text', HTMLTextAreaElement).value;
  const generated = element('generated', HTMLElement);
  element('prompt', HTMLElement).textContent = prompt;
  generated.textContent = '';

  let tokens = 0;
  const start = performance.now();
  for await (const { text } of model.generate(prompt, options)) {
    tokens++;
    generated.append(text);
    tell('speed', say.tokensPerSecond(number(Math.round((1000 * tokens) / (performance.now() - start)))));
  }
  // Screen readers read the text once, as a whole; they would stumble over single words.
  element('announcement', HTMLElement).textContent = say.wrote(generated.textContent);
}

/** The range input `id`; the element `<id>-value` shows its value. */
function slider(id: string): HTMLInputElement {
  const input = element(id, HTMLInputElement);
  const value = element(`${id}-value`, HTMLOutputElement);
  const show = () => {
    value.textContent = input.value;
  };
  input.addEventListener('input', show);
  show();
  return input;
}
