// The functions that run.mjs calls in the page: type words key by key, requesting suggestions at each key as a keyboard
// does.
import { loadLanguageModel } from '@unroll/edge-runtime';

const model = await loadLanguageModel('./model/');

globalThis.typeKeys = async () => {
  let text = '';
  const keys = [];
  for (let word = 0; word < 60; word++) {
    for (const key of `word${(word * 7919 + 1e4).toString(26)} `) {
      text += key;
      const start = performance.now();
      await model.suggest(text, { count: 3 });
      keys.push({ kind: key === ' ' ? 'space' : 'letter', milliseconds: performance.now() - start });
    }
  }
  return keys.slice(40); // by then everything is compiled
};
