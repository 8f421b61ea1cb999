/** The panel that lets the model learn from a person's texts, on the device, and undo it. Only for bundles that can. */
import type { Change, LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { tell } from './facts.js';

/**
 * Wires the panel to the model; removes it if the bundle was exported without `--personalization`.
 * @param onChange called when the model has become another
 */
export function enablePersonalizing(model: LanguageModel, onChange: () => void): void {
  if (!model.manifest.personalization) {
    element('personal', HTMLElement).remove();
    return;
  }
  const button = element('learn', HTMLButtonElement);
  const undo = element('undo', HTMLButtonElement);
  const progress = element('learning', HTMLProgressElement);
  let running: AbortController | undefined;

  const work = async (signal: AbortSignal) => {
    say('Loading what training needs…');
    const texts = element('own-texts', HTMLTextAreaElement).value;
    const start = performance.now();
    const { stored, ...changes } = await model.personalize([texts], {
      signal,
      onProgress: ({ step, steps, perplexity }) => {
        progress.hidden = false;
        progress.value = step / steps;
        say('Learning…');
        tell('learning-speed', `step ${step} of ${steps}, perplexity ${perplexity.toFixed(1)}`);
      },
    });
    showChange('own', changes.texts);
    showChange('general', changes.general);
    element('changes', HTMLTableElement).hidden = false;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    const kept = 'This browser keeps it, as numbers; your texts are not kept.';
    const notKept = `It is gone when you leave the page: ${model.storage.learningNotKept}.`;
    say(`Learned in ${seconds} s. ${stored ? kept : notKept}`);
    undo.hidden = false;
    onChange();
  };

  element('personalizing', HTMLFormElement).addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    button.textContent = 'Stop';
    undo.disabled = true;
    try {
      await work(running.signal);
    } catch (error) {
      say(running.signal.aborted ? 'Stopped: the model is as it was.' : (error as Error).message);
    } finally {
      running = undefined;
      button.textContent = 'Learn from these';
      undo.disabled = false;
      progress.hidden = true;
      tell('learning-speed', '');
    }
  });

  undo.addEventListener('click', async () => {
    try {
      await model.undoPersonalization();
      say('Undone: the model is what the bundle has, to the bit.');
    } catch (error) {
      say((error as Error).message);
      return;
    }
    undo.hidden = true;
    element('changes', HTMLTableElement).hidden = true;
    button.focus(); // the button that had the focus is gone
    onChange();
  });

  const { method, discarded } = model.personalization;
  undo.hidden = method === undefined;
  if (method !== undefined) say('It learned from you in an earlier session.');
  if (discarded !== undefined) say(`What it learned from you earlier is gone: ${discarded}.`);
}

function say(text: string): void {
  element('learned', HTMLElement).textContent = text;
}

function showChange(row: 'own' | 'general', { before, after }: Change): void {
  const percent = 100 * (after / before - 1);
  element(`${row}-before`, HTMLElement).textContent = before.toFixed(1);
  element(`${row}-after`, HTMLElement).textContent = after.toFixed(1);
  element(`${row}-change`, HTMLElement).textContent = `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`;
}
