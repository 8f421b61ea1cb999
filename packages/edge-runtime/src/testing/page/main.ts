/** What the browser tests call in the page. */
import { loadLanguageModel } from '../../index.js';

export interface PageApi {
  /** Ids of greedy text and the score of `text`, by the bundle at `address`. */
  run(address: string, prompt: string, text: string): Promise<{ greedy: number[]; sampled: number[]; score: number }>;
}

const api: PageApi = {
  async run(address, prompt, text) {
    const model = await loadLanguageModel(address);
    const greedy: number[] = [];
    for await (const { id } of model.generate(prompt, { temperature: 0, maxTokens: 50 })) greedy.push(id);
    const sampled: number[] = [];
    for await (const { id } of model.generate(prompt, { seed: 5, topP: 0.9, maxTokens: 50 })) sampled.push(id);
    const { logProbability } = await model.score(text);
    await model.dispose();
    return { greedy, sampled, score: logProbability };
  },
};

Object.assign(globalThis, { unroll: api });
