/** Loads the bundle that the page's address names (`?bundle=/path/`, by default ./model/) and opens the page for it. */
import { type LanguageModel, loadLanguageModel } from '@unroll/edge-runtime';
import { element } from './element.js';
import { showSuggestions } from './suggestions.js';
import { enableWriting } from './writing.js';

const status = element('status', HTMLElement);
const progress = element('progress', HTMLProgressElement);
const address = new URLSearchParams(location.search).get('bundle') ?? './model/';

try {
  const model = await loadLanguageModel(address, {
    onProgress: ({ loadedBytes, totalBytes }) => {
      progress.value = loadedBytes / totalBytes;
    },
  });
  describe(model);
  element('loading', HTMLElement).hidden = true;
  element('writer', HTMLFormElement).hidden = false;
  showSuggestions(model);
  enableWriting(model);
  element('text', HTMLTextAreaElement).focus();
} catch (error) {
  progress.hidden = true;
  status.className = 'failed';
  status.textContent = error instanceof Error ? error.message : String(error);
  throw error;
}

function describe({ manifest, device }: LanguageModel): void {
  const megabytes = manifest.files['model.onnx'].bytes / 1e6;
  const weights = manifest.quantization === 'none' ? 'float32' : manifest.quantization;
  element('model', HTMLElement).textContent =
    `${weights}, ${megabytes.toFixed(1)} MB, ${manifest.vocabSize.toLocaleString('en')} tokens`;
  element('device', HTMLElement).textContent = device.name === 'webgpu' ? 'WebGPU' : 'WebAssembly, one thread';
}
