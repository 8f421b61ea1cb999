/**
 * The page's own words, in English or Chinese: as the address says (`?lang=zh`), else as the browser prefers.
 * index.html has the English ones; `say` has those that appear later.
 */
import { element } from './element.js';
import { chinesePage } from './language-zh.js';

export type Language = 'en' | 'zh';

const english = {
  tokens: (count: string) => `${count} tokens`,
  oneThread: 'one thread',
  seconds: (seconds: string) => `${seconds} s`,
  offline: 'ready',
  notOffline: (why: string) => `no: ${why}`,
  pageNotKept: 'this browser does not keep the page',
  loading: (megabytes: string) => `Loading the model: ${megabytes} MB`,
  millisecondsAKey: (milliseconds: string) => `${milliseconds} ms a key`,
  tokensPerSecond: (rate: string) => `${rate} tokens/s`,
  keys: { Delete: 'Delete', Space: 'Space', 'New line': 'New line', Comma: 'Comma', 'Full stop': 'Full stop' },
  spaceFace: 'space',
  stop: 'Stop',
  continueText: 'Continue the text',
  wrote: (text: string) => `The model wrote: ${text}`,
  judging: 'Judging…',
  nothingToJudge: 'There is nothing to judge yet.',
  verdict: (words: number, bits: string) => `${words} words, ${bits} bits of surprise a word.`,
  unknownWords: (count: number) => ` It does not know ${count} of them (dotted).`,
  bits: (bits: string) => `${bits} bits`,
  notInVocabulary: ', not in the vocabulary',
  odds: (bits: string, odds: string) => ` ${bits} bits: one in ${odds}`,
  fromBits: (from: number) => `${from} and more`,
  loadingTraining: 'Loading what training needs…',
  learning: 'Learning…',
  learningStep: (step: number, steps: number, perplexity: string) =>
    `step ${step} of ${steps}, perplexity ${perplexity}`,
  learned: (seconds: string) => `Learned in ${seconds} s. `,
  kept: 'This browser keeps it, as numbers; your texts are not kept.',
  notKept: (why: string) => `It is gone when you leave the page: ${why}.`,
  stopped: 'Stopped: the model is as it was.',
  learn: 'Learn from these',
  undone: 'Undone: the model is what the bundle has, to the bit.',
  learnedEarlier: 'It learned from you in an earlier session.',
  discarded: (why: string) => `What it learned from you earlier is gone: ${why}.`,
};

const chinese: typeof english = {
  tokens: (count) => `${count} 个词元`,
  oneThread: '单线程',
  seconds: (seconds) => `${seconds} 秒`,
  offline: '已就绪',
  notOffline: (why) => `不可用：${why}`,
  pageNotKept: '此浏览器不保存页面',
  loading: (megabytes) => `正在加载模型：${megabytes} MB`,
  millisecondsAKey: (milliseconds) => `每次按键 ${milliseconds} 毫秒`,
  tokensPerSecond: (rate) => `每秒 ${rate} 个词元`,
  keys: { Delete: '删除', Space: '空格', 'New line': '换行', Comma: '逗号', 'Full stop': '句号' },
  spaceFace: '空格',
  stop: '停止',
  continueText: '续写',
  wrote: (text) => `模型写道：${text}`,
  judging: '正在评判…',
  nothingToJudge: '还没有可评判的文字。',
  verdict: (words, bits) => `共 ${words} 个词，平均每个词的意外程度为 ${bits} 比特。`,
  unknownWords: (count) => `其中 ${count} 个它不认识（点线标出）。`,
  bits: (bits) => `${bits} 比特`,
  notInVocabulary: '，不在词表中',
  odds: (bits, odds) => ` ${bits} 比特：概率约为${odds}分之一`,
  fromBits: (from) => `${from} 以上`,
  loadingTraining: '正在加载训练所需的文件…',
  learning: '正在学习…',
  learningStep: (step, steps, perplexity) => `第 ${step}/${steps} 步，困惑度 ${perplexity}`,
  learned: (seconds) => `学习用时 ${seconds} 秒。`,
  kept: '学到的内容以数字的形式保存在此浏览器中；您的文字不会保存。',
  notKept: (why) => `离开页面后就会消失：${why}。`,
  stopped: '已停止：模型保持原样。',
  learn: '从中学习',
  undone: '已撤销：模型与原来分毫不差。',
  learnedEarlier: '它在之前的会话中学习过您的文字。',
  discarded: (why) => `之前学到的内容已不可用：${why}。`,
};

export const language: Language = chosen();

/** Texts that the page shows while it works. */
export const say = { en: english, zh: chinese }[language];

/** Formats a number in the page's language. */
export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return value.toLocaleString(language, options);
}

/** Translates the page, and adds a link to the other language at its head. */
export function translatePage(): void {
  const other = element('other-language', HTMLAnchorElement);
  const address = new URL(location.href);
  address.searchParams.set('lang', language === 'zh' ? 'en' : 'zh');
  other.href = address.href;
  other.hidden = false;
  if (language === 'en') return;

  document.documentElement.lang = 'zh-CN';
  other.lang = other.hreflang = 'en';
  other.textContent = 'English';
  for (const { attribute, data } of translated) {
    for (const element of document.querySelectorAll<HTMLElement>(`[data-${data}]`)) {
      const text = chinesePage[element.getAttribute(`data-${data}`)!]!;
      if (attribute === undefined) element.textContent = text;
      else element.setAttribute(attribute, text);
    }
  }
}

/** The translated parts of an element, each with the attribute in index.html that names its text. */
const translated: readonly { readonly data: string; readonly attribute?: string }[] = [
  { data: 'say' },
  { data: 'say-label', attribute: 'aria-label' },
  { data: 'say-placeholder', attribute: 'placeholder' },
];

function chosen(): Language {
  const asked = new URLSearchParams(location.search).get('lang');
  const preferred = [...(asked === null ? [] : [asked]), ...navigator.languages];
  const known = preferred.map((tag) => tag.toLowerCase().split('-')[0]);
  return known.find((tag): tag is Language => tag === 'en' || tag === 'zh') ?? 'en';
}
