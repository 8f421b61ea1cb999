/**
 * Defines our own TensorFlow.js kernels: each is registered under a name, with a registered gradient, for every
 * backend. A kernel is composed from TensorFlow.js ops unless a backend has registered its own version. So it runs on
 * any backend and can be traced. Registration happens on first use, for the backend that is active then.
 */
import * as tf from '@tensorflow/tfjs-core';
// The core package leaves the gradients of its own ops unregistered; the layers package registers them.
import '@tensorflow/tfjs-layers';

type Tensors = readonly tf.Tensor[];

export interface KernelDefinition<Inputs extends Record<string, tf.Tensor>, Attributes extends object> {
  readonly name: string;
  /** Computes the outputs with TensorFlow.js ops. */
  readonly forward: (inputs: Inputs, attributes: Attributes) => tf.Tensor[];
  /**
   * The tensors passed to {@link gradient} as `saved`: these inputs, then the outputs whose flag is set, in this order.
   */
  readonly saves?: { readonly inputs: readonly (keyof Inputs & string)[]; readonly outputs: readonly boolean[] };
  /**
   * Returns a thunk for the gradient of each differentiable input, given the outputs' gradients and the saved tensors.
   */
  readonly gradient?: (
    outputGradients: Tensors,
    saved: Tensors,
    attributes: Attributes,
  ) => Partial<Record<keyof Inputs & string, () => tf.Tensor>>;
}

/** Returns the op that runs the kernel `definition` on the active backend. */
export function defineKernel<Inputs extends Record<string, tf.Tensor>, Attributes extends object>(
  definition: KernelDefinition<Inputs, Attributes>,
): (inputs: Inputs, attributes: Attributes) => tf.Tensor[] {
  const { name: kernelName, forward, saves, gradient } = definition;
  return (inputs, attributes) => {
    registerFor(tf.getBackend(), kernelName, (kernelInputs, attrs) =>
      forward(kernelInputs as Inputs, attrs as Attributes),
    );
    if (gradient && !tf.getGradient(kernelName)) {
      tf.registerGradient({
        kernelName,
        inputsToSave: [...(saves?.inputs ?? [])],
        outputsToSave: [...(saves?.outputs ?? [])],
        gradFunc: (dy, saved, attrs) =>
          gradient(Array.isArray(dy) ? dy : [dy], saved, attrs as unknown as Attributes) as Record<
            string,
            () => tf.Tensor
          >,
      });
    }
    const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap);
    return Array.isArray(outputs) ? outputs : [outputs];
  };
}

function registerFor(
  backendName: string,
  kernelName: string,
  compose: (inputs: tf.NamedTensorInfoMap, attrs: tf.NamedAttrMap | undefined) => tf.Tensor[],
): void {
  if (tf.getKernel(kernelName, backendName)) return;
  tf.registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => compose(inputs, attrs)),
  });
}
