/** Whether ONNX Runtime's CUDA provider can be used here, by what lies on the disk: nothing is loaded to find out. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** onnxruntime-node's own installer fetches them on demand; they are too large for its package. */
const providerLibraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** An NVIDIA device as Linux shows it, and as the Windows Subsystem for Linux does. */
const deviceFiles = ['nvidiactl', 'dxg'];

export interface CudaObstacle {
  /** `libraries`: ONNX Runtime's CUDA provider is not installed; `device`: it is, on a machine without an NVIDIA device. */
  readonly missing: 'libraries' | 'device';
  /** What is missing, in a line. */
  readonly detail: string;
}

/**
 * What stands in the way of the CUDA provider; undefined if its libraries and a device are there.
 * @param libraries the folder of onnxruntime-node's native libraries
 * @param devices where the system shows its devices
 */
export function cudaObstacle(libraries = nativeFolder(), devices = '/dev'): CudaObstacle | undefined {
  const absent = providerLibraries.filter((file) => !existsSync(join(libraries, file)));
  if (absent.length > 0) return { missing: 'libraries', detail: `${libraries} has no ${absent.join(' and no ')}` };
  if (deviceFiles.some((file) => existsSync(join(devices, file)))) return undefined;
  const [linux, windows] = deviceFiles.map((file) => join(devices, file));
  return {
    missing: 'device',
    detail: `the CUDA provider is installed, but there is no NVIDIA device: neither ${linux} nor ${windows}`,
  };
}

function nativeFolder(): string {
  const folder = dirname(require.resolve('onnxruntime-node/package.json'));
  return join(folder, 'bin', 'napi-v6', process.platform, process.arch);
}
