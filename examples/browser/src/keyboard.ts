/**
 * A keyboard on the page, as phones have it. It is one stop of the Tab key, and the arrow keys walk over its keys. Where
 * there is no mouse it is open, and takes the place of the system's.
 */
import { element } from './element.js';

const backspace = '⌫';
const rows = [[...'qwertyuiop'], [...'asdfghjkl'], [...'zxcvbnm', backspace], [',', ' ', '.', '\n']];

const names: Readonly<Record<string, string>> = {
  [backspace]: 'Delete',
  ' ': 'Space',
  '\n': 'New line',
  ',': 'Comma',
  '.': 'Full stop',
};
const faces: Readonly<Record<string, string>> = { ' ': 'space', '\n': '⏎' };

/** Lets the page's keyboard type into `text`. */
export function enableKeyboard(text: HTMLTextAreaElement): void {
  const keyboard = element('keyboard', HTMLElement);
  const toggle = element('keyboard-toggle', HTMLButtonElement);
  keyboard.replaceChildren(...rows.map((row) => rowOf(row.map((key) => keyOf(key, () => type(text, key))))));
  walkByArrows(keyboard);

  const show = (open: boolean) => {
    keyboard.hidden = !open;
    toggle.ariaExpanded = String(open);
    text.inputMode = open ? 'none' : 'text';
  };
  toggle.addEventListener('click', () => show(keyboard.hidden === true));
  show(matchMedia('(pointer: coarse)').matches);
}

function type(text: HTMLTextAreaElement, key: string): void {
  const { selectionStart: start, selectionEnd: end } = text;
  if (key === backspace) text.setRangeText('', start === end ? Math.max(0, start - 1) : start, end, 'end');
  else text.setRangeText(key, start, end, 'end');
  text.dispatchEvent(new InputEvent('input'));
}

function rowOf(keys: readonly HTMLElement[]): HTMLElement {
  const row = document.createElement('div');
  row.append(...keys);
  return row;
}

function keyOf(key: string, press: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.tabIndex = -1;
  button.textContent = faces[key] ?? key;
  button.ariaLabel = names[key] ?? key;
  button.dataset.key = names[key] ?? key;
  button.addEventListener('pointerdown', (event) => event.preventDefault()); // the caret stays in the text
  button.addEventListener('click', press);
  return button;
}

function walkByArrows(keyboard: HTMLElement): void {
  const keys = [...keyboard.querySelectorAll('button')];
  keys[0]!.tabIndex = 0;
  keyboard.addEventListener('keydown', (event) => {
    const next = neighbour(keyboard, event.target as HTMLElement, event.key);
    if (!next) return;
    event.preventDefault();
    for (const key of keys) key.tabIndex = key === next ? 0 : -1;
    next.focus();
  });
}

/** The key that an arrow key leads to from the one in focus. */
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
