/**
 * The panel that lets the model learn from a person's texts, on the device, and undo it. Only for bundles that support
 * it.
 */
import type { Change, LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { tell } from './facts.js';
import { say } from './language.js';

/**
 * Connects the panel with the model; removes it if the bundle was exported without `--personalization`.
 * @param onChange called when the model has changed
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
    report(say.loadingTraining);
    const texts = element('own-texts', HTMLTextAreaElement).value;
    const start = performance.now();
    const { stored, ...changes } = await model.personalize([texts], {
      signal,
      onProgress: ({ step, steps, perplexity }) => {
        progress.hidden = false;
        progress.value = step / steps;
        report(say.learning);
        tell('learning-speed', say.learningStep(step, steps, perplexity.toFixed(1)));
      },
    });
    showChange('own', changes.texts);
    showChange('general', changes.general);
    element('changes', HTMLTableElement).hidden = false;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    report(say.learned(seconds) + (stored ? say.kept : say.notKept(model.storage.learningNotKept ?? '')));
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
    button.textContent = say.stop;
    undo.disabled = true;
    try {
      await work(running.signal);
    } catch (error) {
      report(running.signal.aborted ? say.stopped : (error as Error).message);
    } finally {
      running = undefined;
      button.textContent = say.learn;
      undo.disabled = false;
      progress.hidden = true;
      tell('learning-speed', '');
    }
  });

  undo.addEventListener('click', async () => {
    try {
      await model.undoPersonalization();
      report(say.undone);
    } catch (error) {
      report((error as Error).message);
      return;
    }
    undo.hidden = true;
    element('changes', HTMLTableElement).hidden = true;
    button.focus(); // the focused button has disappeared
    onChange();
  });

  const { method, discarded } = model.personalization;
  undo.hidden = method === undefined;
  if (method !== undefined) report(say.learnedEarlier);
  if (discarded !== undefined) report(say.discarded(discarded));
}

function report(text: string): void {
  element('learned', HTMLElement).textContent = text;
}

function showChange(row: 'own' | 'general', { before, after }: Change): void {
  const percent = 100 * (after / before - 1);
  element(`${row}-before`, HTMLElement).textContent = before.toFixed(1);
  element(`${row}-after`, HTMLElement).textContent = after.toFixed(1);
  element(`${row}-change`, HTMLElement).textContent = `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`;
}
