/**
 * The heat map: shows how surprising each word of a text is and lists the most surprising ones, as one looks for
 * anomalies.
 */
import type { LanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { exampleText } from './example-text.js';
import { tell } from './facts.js';
import { number, say } from './language.js';
import { heatLevels, levelOf, type ScoredWord, scoredWords } from './scored-words.js';

/** Number of the most surprising words to list. */
const listed = 5;

/** Connects the form with the model. A text is judged when the button is pressed, and at once when it is pasted. */
export function enableSurprises(model: LanguageModel): void {
  const form = element('surprise', HTMLFormElement);
  const text = element('judged', HTMLTextAreaElement);
  let running = new AbortController();

  const judge = async () => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    try {
      await show(model, text.value, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    judge();
  });
  text.addEventListener('input', (event) => {
    if (event instanceof InputEvent && event.inputType === 'insertFromPaste') judge();
  });
  element('example', HTMLButtonElement).addEventListener('click', async () => {
    text.value = await exampleText(model);
    judge();
  });
  element('legend', HTMLElement).replaceChildren(...legend());
}

async function show(model: LanguageModel, text: string, signal: AbortSignal): Promise<void> {
  element('verdict', HTMLElement).textContent = say.judging;
  const start = performance.now();
  const score = await model.score(text, { signal });
  const seconds = (performance.now() - start) / 1000;
  const words = scoredWords(text, score);
  element('verdict', HTMLElement).textContent = verdict(words);
  element('heat', HTMLElement).hidden = words.length === 0;
  if (words.length > 0) tell('scoring-speed', say.tokensPerSecond(number(Math.round(score.tokens.length / seconds))));
  element('heat-map', HTMLElement).replaceChildren(...words.flatMap((word) => [marked(word), word.space]));
  const outliers = words.toSorted((a, b) => b.bits - a.bits).slice(0, listed);
  element('outliers', HTMLElement).replaceChildren(...outliers.map(listItem));
}

function verdict(words: readonly ScoredWord[]): string {
  if (words.length === 0) return say.nothingToJudge;
  const bits = words.reduce((sum, word) => sum + word.bits, 0) / words.length;
  const unknown = words.filter((word) => word.unknown).length;
  return say.verdict(words.length, bits.toFixed(1)) + (unknown === 0 ? '' : say.unknownWords(unknown));
}

/**
 * A word in its colour. The most surprising ones also show their number, so that the page does not rely on colour
 * alone.
 */
function marked({ text, bits, unknown }: ScoredWord): HTMLElement {
  const level = levelOf(bits);
  const word = document.createElement('span');
  word.className = `word level-${level}${unknown ? ' unknown' : ''}`;
  word.title = say.bits(bits.toFixed(1)) + (unknown ? say.notInVocabulary : '');
  word.append(text);
  if (level < heatLevels.length - 2) return word;
  const number = document.createElement('small');
  number.textContent = bits.toFixed(0);
  word.append(number);
  return word;
}

function listItem({ text, bits }: ScoredWord): HTMLElement {
  const item = document.createElement('li');
  const word = document.createElement('strong');
  word.textContent = text;
  item.append(word, say.odds(bits.toFixed(1), oddsOf(bits)));
  return item;
}

/** The odds as "one in …": in words up to a trillion, beyond that in powers of ten. */
function oddsOf(bits: number): string {
  const times = 2 ** bits;
  if (times < 1e12) return number(times, { notation: 'compact', compactDisplay: 'long', maximumSignificantDigits: 2 });
  const digits = [...String(Math.floor(Math.log10(times)))].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
  return `10${digits.join('')}`;
}

function legend(): HTMLElement[] {
  return heatLevels.map((from, level) => {
    const item = document.createElement('li');
    item.className = `level-${level}`;
    const to = heatLevels[level + 1];
    item.textContent = to === undefined ? say.fromBits(from) : `${from}–${to}`;
    return item;
  });
}
