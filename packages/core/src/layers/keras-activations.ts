/** Keras activations that TensorFlow.js lacks, registered so that any of its layers can use them by name. */
import * as tf from '@tensorflow/tfjs-core';
import type { ActivationIdentifier } from '@tensorflow/tfjs-layers/dist/keras_format/activation_config.js';
import { type ActivationName, activations } from '../kernels/cells/activations.js';

/** Keras 3's `hard_sigmoid`. TensorFlow.js uses that name for the function of Keras 2, which differs. */
class HardSigmoidRelu6 extends tf.serialization.Serializable {
  static readonly className = 'hardSigmoidRelu6';

  apply(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => activations.hardSigmoidRelu6.apply(x));
  }

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }
}
tf.serialization.registerClass(HardSigmoidRelu6);

/** Casts a name for arguments of TensorFlow.js, whose types do not list the activation registered here. */
export function activationIdentifier(name: ActivationName): ActivationIdentifier {
  return name as ActivationIdentifier;
}
