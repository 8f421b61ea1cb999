// Loads the model in ./model/ and continues the prompt. The model runs in a worker.
import { loadLanguageModel } from '@unroll/edge-runtime';
import { keepForOffline } from './offline.js';

const status = document.getElementById('status');
const form = document.querySelector('form');
const text = document.getElementById('text');
const offline = document.getElementById('offline');

try {
  const model = await loadLanguageModel('./model/', {
    onProgress: ({ loadedBytes, totalBytes }) => {
      status.textContent = `Loading the model: ${Math.round((100 * loadedBytes) / totalBytes)} %`;
    },
  });
  status.textContent = `Ready, on ${model.device.name}`;
  form.querySelector('button').disabled = false;
  keepForOffline().then((isKept) => {
    const { bundleNotKept } = model.storage;
    if (bundleNotKept) offline.textContent = `The model is not kept for the next visit: ${bundleNotKept}`;
    else if (isKept) offline.textContent = 'Opens without the network from now on';
  });

  let writing = new AbortController();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    writing.abort();
    writing = new AbortController();
    const { signal } = writing;
    const prompt = document.getElementById('prompt').value;
    text.textContent = prompt;
    try {
      let tokens = 0;
      for await (const { text: added } of model.generate(prompt, { maxTokens: 40, signal })) {
        text.append(added);
        tokens++;
      }
      status.textContent = `Wrote ${tokens} tokens`;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
} catch (error) {
  status.textContent = error.message;
  throw error;
}
