/** TensorFlow's checkpoints and SavedModels are not read: they do not tell which network their tensors are of. */
import { readdirSync } from 'node:fs';
import { UnrollError } from '../errors.js';
import type { ImportSource } from './sources.js';

/** Names of the files: `model.ckpt-100.index`, `model.ckpt-100.data-00000-of-00001`, `model.ckpt`, `saved_model.pb`. */
const ofTensorFlow = /\.ckpt(-\d+)?$|\.index$|\.data-\d+-of-\d+$|\.meta$|(^|[\\/])(checkpoint|saved_model\.pb)$/;

/** How a model of each source is converted, in the source's own program. */
const conversions: Readonly<Record<ImportSource, string>> = {
  bilm: "dump its weights with bilm-tf's dump_weights, beside options.json",
  ml5: "convert it with json_checkpoint_vars.py of ml5's training-charRNN",
  keras: "load its weights into the model in Keras, and model.save('model.keras')",
  tfjs: 'convert it with tensorflowjs_converter to a layers model, --output_format tfjs_layers_model',
  rwkv: "give RWKV's own file, .pth or .safetensors",
  pytorch: "load its weights into the model in PyTorch, and torch.save(model.state_dict(), 'model.pt')",
};

/**
 * Refuses a file or a folder of TensorFlow.
 * @throws UnrollError that says how to convert it
 */
export function requireNoTensorFlowCheckpoint(path: string, from: ImportSource): void {
  if (!ofTensorFlow.test(path) && !namesIn(path).some((name) => ofTensorFlow.test(name))) return;
  throw new UnrollError(`${path}: is a checkpoint of TensorFlow, which is not read; ${conversions[from]}`);
}

/** The names in a folder; none for a file, or for what cannot be read, which its reader reports. */
function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
