/**
 * The text field with its suggestions. A tap, or Tab and Enter, accepts one. → at the end of the text accepts the
 * first.
 */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { RecentMedian, tell } from './facts.js';
import { enableKeyboard } from './keyboard.js';
import { say } from './language.js';

/** Number of suggested words, which fit beside one another on a phone. */
const count = 3;

/**
 * Updates the suggestions as the user types, starting with the first call of the returned function, which shows
 * suggestions.
 */
export function enableTyping(model: LanguageModel): () => Promise<void> {
  const text = element('text', HTMLTextAreaElement);
  const chips = element('suggestions', HTMLElement);
  const milliseconds = new RecentMedian(25);

  const update = async () => {
    const typed = beforeCaret(text);
    const start = performance.now();
    const words = await model.suggest(typed, { count });
    tell('latency', say.millisecondsAKey(milliseconds.add(performance.now() - start).toFixed(1)));
    if (typed !== beforeCaret(text)) return; // the user typed more meanwhile: a later update shows the chips
    chips.replaceChildren(
      ...words.map((word) =>
        chip(word, () => {
          take(word);
          text.focus();
        }),
      ),
    );
    await showKeys(typed);
  };

  const take = (word: string) => {
    text.setRangeText(model.accept(beforeCaret(text), word), 0, text.selectionEnd, 'end');
    update();
  };

  text.addEventListener('input', (event) => {
    // Text that an input method is still composing does not count yet.
    if (!(event instanceof InputEvent && event.isComposing)) update();
  });
  text.addEventListener('compositionend', update);
  text.addEventListener('keydown', (event) => {
    const first = chips.querySelector('button');
    const forwards = getComputedStyle(text).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    if (event.key !== forwards || event.shiftKey || event.isComposing || !first) return;
    if (text.selectionStart < text.value.length) return;
    event.preventDefault();
    first.click();
  });
  const showKeys = enableKeyboard(text, model, take);
  return update;
}

function beforeCaret({ value, selectionStart }: HTMLTextAreaElement): string {
  return value.slice(0, selectionStart);
}

function chip(word: string, take: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = word;
  button.addEventListener('click', take);
  return button;
}
