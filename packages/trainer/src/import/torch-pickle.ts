/**
 * The names in PyTorch's pickles that are known: tensors, their storages and ordered dictionaries. All others remain
 * unread.
 */
import { z } from 'zod';
import { PickleError, type PickleHost, readPickle, Unread } from './pickle.js';

/** A tensor as a pickle describes it; its values are stored elsewhere, under the storage's key. */
export class TensorView {
  readonly storage: Storage;
  /** First element in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Strides in elements. */
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

class Storage {
  /** The name of the format in safetensors, or in PyTorch if it is not a floating-point format. */
  readonly format: string;
  readonly key: string;
  /** Number of elements. */
  readonly length: number;

  constructor(format: string, key: string, length: number) {
    this.format = format;
    this.key = key;
    this.length = length;
  }
}

class StorageType {
  readonly format: string;

  constructor(format: string) {
    this.format = format;
  }
}

/**
 * Reads the value that `torch.save` wrote. Each tensor is a {@link TensorView}. Each object of another class is {@link
 * Unread}: a `Namespace`, a `Path`, a scalar of NumPy.
 * @throws PickleError if it is damaged
 */
export function readTorchPickle(bytes: Uint8Array): unknown {
  return readPickle(bytes, host);
}

const rebuildTensor = Symbol('torch._utils._rebuild_tensor_v2');
const rebuildParameter = Symbol('torch._utils._rebuild_parameter');
const orderedDictionary = Symbol('collections.OrderedDict');

const globals: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['collections.OrderedDict', orderedDictionary],
  ['torch.FloatStorage', new StorageType('F32')],
  ['torch.HalfStorage', new StorageType('F16')],
  ['torch.BFloat16Storage', new StorageType('BF16')],
  ['torch.DoubleStorage', new StorageType('F64')],
]);

const size = z.int().nonnegative();
const storageId = z.tuple([z.literal('storage'), z.instanceof(StorageType), z.string(), z.string(), size]);
const tensorArguments = z.tuple([z.instanceof(Storage), size, z.array(size), z.array(size)]).rest(z.unknown());
const parameterArguments = z.tuple([z.instanceof(TensorView)]).rest(z.unknown());
const dictionaryArguments = z.union([z.tuple([]), z.tuple([z.array(z.tuple([z.unknown(), z.unknown()]))])]);

const host: PickleHost = {
  global(module, name) {
    const known = globals.get(`${module}.${name}`);
    if (known !== undefined) return known;
    const storage = module === 'torch' ? /^(\w+)Storage$/.exec(name)?.[1] : undefined;
    return storage === undefined ? new Unread(`${module}.${name}`) : new StorageType(storage);
  },
  call(callable, args) {
    if (callable instanceof Unread) return new Unread(callable.name);
    switch (callable) {
      case orderedDictionary:
        return new Map(checked(dictionaryArguments, args)[0]);
      case rebuildParameter:
        return checked(parameterArguments, args)[0];
      case rebuildTensor: {
        const [storage, offset, shape, strides] = checked(tensorArguments, args);
        return new TensorView(storage, offset, shape, strides);
      }
      default:
        throw new PickleError('its pickle calls something that builds no tensor; nothing was executed');
    }
  },
  persistent(id) {
    const [, type, key, , length] = checked(storageId, id);
    return new Storage(type.format, key, length);
  },
};

function checked<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value);
  if (!result.success) throw new PickleError('its pickle does not describe tensors as PyTorch does');
  return result.data;
}
