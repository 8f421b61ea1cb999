/**
 * Loads the bundle that the page's address names (`?bundle=/path/`, by default ./model/) and fills the page for it.
 */
import { type LanguageModel, loadLanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { describeModel, tell } from './facts.js';
import { say, translatePage } from './language.js';
import { keepForOffline } from './offline.js';
import { enablePersonalizing } from './personalizing.js';
import { enableSurprises } from './surprise.js';
import { enableTyping } from './typing.js';
import { enableWriting } from './writing.js';

translatePage();
const status = element('status', HTMLElement);
const progress = element('progress', HTMLProgressElement);

try {
  const model = await load();
  describeModel(model);
  element('loading', HTMLElement).hidden = true;
  element('demo', HTMLElement).hidden = false;
  enableWriting(model);
  enableSurprises(model);
  const suggestAgain = enableTyping(model);
  enablePersonalizing(model, suggestAgain);
  await suggestAgain();
  performance.mark('first-words');
  tell('start', say.seconds((performance.now() / 1000).toFixed(2)));
  const { bundleNotKept } = model.storage;
  const isKept = (await keepForOffline()) && bundleNotKept === undefined;
  tell('offline', isKept ? say.offline : say.notOffline(bundleNotKept ?? say.pageNotKept));
} catch (error) {
  progress.hidden = true;
  status.className = 'failed';
  status.textContent = error instanceof Error ? error.message : String(error);
  throw error;
}

function load(): Promise<LanguageModel> {
  const address = new URLSearchParams(location.search).get('bundle') ?? './model/';
  return loadLanguageModel(address, {
    onProgress: ({ file, loadedBytes, totalBytes }) => {
      if (file !== 'model.onnx') return; // the other files are small
      progress.value = loadedBytes / totalBytes;
      status.textContent = say.loading((totalBytes / 1e6).toFixed(1));
    },
  });
}
