/** Suggestions under the text field: a chip for each, accepted by a tap or, the first, by Tab. */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';

/** Keeps the chips in step with what is typed. */
export function showSuggestions(model: LanguageModel): void {
  const text = element('text', HTMLTextAreaElement);
  const chips = element('suggestions', HTMLElement);

  const update = async () => {
    const typed = text.value;
    const words = await model.suggest(typed, { count: 4 });
    if (typed !== text.value) return; // somebody typed on meanwhile: a later update shows the chips
    chips.replaceChildren(...words.map((word) => chip(word, () => accept(word))));
  };

  const accept = (word: string) => {
    text.value = `${text.value.replace(/\S*$/, '')}${word} `;
    text.focus();
    update();
  };

  text.addEventListener('input', update);
  text.addEventListener('keydown', (event) => {
    const first = chips.querySelector('button');
    if (event.key === 'Escape') chips.replaceChildren();
    if (event.key !== 'Tab' || event.shiftKey || !first) return;
    event.preventDefault();
    first.click();
  });
  update();
}

function chip(word: string, accept: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = word;
  button.addEventListener('click', accept);
  return button;
}
