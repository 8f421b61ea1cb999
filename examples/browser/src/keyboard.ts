/**
 * A keyboard on the page, like those of phones, in the model's writing. A Latin model gets letters. A model of a
 * writing without spaces gets the likeliest next words, beside the system's own input method. Other models get none.
 * The keyboard is one stop of the Tab key, and the arrow keys move among its keys. Without a mouse it is open; a
 * keyboard of letters then replaces the system's.
 */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { say } from './language.js';
import { isUnspaced } from './units.js';

const backspace = '⌫';
const letters = [[...'qwertyuiop'], [...'asdfghjkl'], [...'zxcvbnm', backspace], [',', ' ', '.', '\n']];

/** Rows of the keyboard of words, and words in each row, that fit on a phone. */
const wordRows = { rows: 4, words: 5 } as const;

const names: Readonly<Record<string, keyof typeof say.keys>> = {
  [backspace]: 'Delete',
  ' ': 'Space',
  '\n': 'New line',
  ',': 'Comma',
  '.': 'Full stop',
};
const faces: Readonly<Record<string, string>> = { ' ': say.spaceFace, '\n': '⏎' };

/**
 * Lets the page's keyboard type into `text`.
 * @param take inserts a word at the caret, as for a suggestion
 * @returns a function that shows the keys for the text before the caret
 */
export function enableKeyboard(
  text: HTMLTextAreaElement,
  model: LanguageModel,
  take: (word: string) => void,
): (typed: string) => Promise<void> {
  const keyboard = element('keyboard', HTMLElement);
  const toggle = element('keyboard-toggle', HTMLButtonElement);
  const press = (key: string) => keyOf(key, () => type(text, key));
  let layout: Layout | undefined;
  let typedLast = '';

  const showWords = async (typed: string) => {
    if (keyboard.hidden) return;
    const words = await model.suggest(typed, { count: wordRows.rows * wordRows.words });
    if (typed !== typedLast) return; // the user typed more meanwhile
    const rows = Array.from({ length: wordRows.rows }, (_, row) =>
      words.slice(row * wordRows.words, (row + 1) * wordRows.words).map((word) => keyOf(word, () => take(word))),
    );
    show([...rows, [...marksFor(words).map(press), press(backspace), press('\n')]], wordRows.words);
  };
  const show = (rows: readonly (readonly HTMLElement[])[], columns?: number) => {
    const focused = document.activeElement?.closest('#keyboard') ? placeOf(keyboard) : undefined;
    keyboard.classList.toggle('words', columns !== undefined);
    keyboard.replaceChildren(...rows.filter((row) => row.length > 0).map(rowOf));
    const keys = keysOf(keyboard);
    keys[0]!.tabIndex = 0;
    if (focused !== undefined) focusOn(keyboard, keys[Math.min(focused, keys.length - 1)]!);
  };
  const open = (isOpen: boolean) => {
    keyboard.hidden = !isOpen;
    toggle.ariaExpanded = String(isOpen);
    text.inputMode = isOpen && layout === 'letters' ? 'none' : 'text';
    if (isOpen && layout === 'words') showWords(typedLast);
  };
  toggle.addEventListener('click', () => open(keyboard.hidden === true));
  walkByArrows(keyboard);

  return async (typed) => {
    typedLast = typed;
    if (layout === undefined) {
      layout = layoutFor(await model.suggest('', { count: wordRows.words }));
      toggle.hidden = layout === 'none';
      if (layout === 'letters') show(letters.map((row) => row.map(press)));
      open(layout !== 'none' && matchMedia('(pointer: coarse)').matches);
    } else if (layout === 'words') {
      await showWords(typed);
    }
  };
}

type Layout = 'letters' | 'words' | 'none';

/** Chooses the layout by the words with which the model begins a text. */
function layoutFor(words: readonly string[]): Layout {
  if (words.some(isUnspaced)) return 'words';
  return words.length === 0 || words.some((word) => /\p{Script=Latin}/u.test(word)) ? 'letters' : 'none';
}

/** The punctuation marks of the words' writing system. */
function marksFor(words: readonly string[]): string[] {
  const written = words.join('');
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(written)) return ['、', '。', '？'];
  return /\p{Script=Han}/u.test(written) ? ['，', '。', '？'] : [' '];
}

function type(text: HTMLTextAreaElement, key: string): void {
  const { selectionStart: start, selectionEnd: end } = text;
  if (key === backspace)
    text.setRangeText('', start === end ? start - lastCharacter(text.value.slice(0, start)) : start, end, 'end');
  else text.setRangeText(key, start, end, 'end');
  text.dispatchEvent(new InputEvent('input'));
}

/** The length of the last character of the text, in UTF-16 units. */
function lastCharacter(text: string): number {
  return [...text].at(-1)?.length ?? 0;
}

function rowOf(keys: readonly HTMLElement[]): HTMLElement {
  const row = document.createElement('div');
  row.append(...keys);
  return row;
}

function keyOf(key: string, press: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  const name = names[key];
  button.type = 'button';
  button.tabIndex = -1;
  button.textContent = faces[key] ?? key;
  button.ariaLabel = name === undefined ? key : say.keys[name];
  button.dataset.key = name ?? key;
  button.addEventListener('pointerdown', (event) => event.preventDefault()); // the caret stays in the text
  button.addEventListener('click', press);
  return button;
}

function keysOf(keyboard: HTMLElement): HTMLButtonElement[] {
  return [...keyboard.querySelectorAll('button')];
}

function placeOf(keyboard: HTMLElement): number {
  return keysOf(keyboard).indexOf(document.activeElement as HTMLButtonElement);
}

function focusOn(keyboard: HTMLElement, key: HTMLElement): void {
  for (const each of keysOf(keyboard)) each.tabIndex = each === key ? 0 : -1;
  key.focus();
}

function walkByArrows(keyboard: HTMLElement): void {
  keyboard.addEventListener('keydown', (event) => {
    const next = neighbour(keyboard, event.target as HTMLElement, event.key);
    if (!next) return;
    event.preventDefault();
    focusOn(keyboard, next);
  });
}

/** The key to which an arrow key leads from the focused one. */
function neighbour(keyboard: HTMLElement, focused: HTMLElement, key: string): HTMLElement | undefined {
  const rows = [...keyboard.children].map((row) => [...row.querySelectorAll<HTMLElement>('button')]);
  const row = rows.findIndex((keys) => keys.includes(focused));
  const column = rows[row]!.indexOf(focused);
  const inColumn = (keys: readonly HTMLElement[] | undefined) => keys?.[Math.min(column, keys.length - 1)];
  switch (key) {
    case 'ArrowLeft':
      return rows[row]![column - 1];
    case 'ArrowRight':
      return rows[row]![column + 1];
    case 'ArrowUp':
      return inColumn(rows[row - 1]);
    case 'ArrowDown':
      return inColumn(rows[row + 1]);
    default:
      return undefined;
  }
}
