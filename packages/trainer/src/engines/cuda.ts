/** Whether ONNX Runtime's CUDA provider can be used here. The check looks at files only and loads nothing. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Files that onnxruntime-node's own installer fetches on demand; they are too large for its package. */
const providerLibraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** An NVIDIA device file of Linux, and of the Windows Subsystem for Linux. */
const deviceFiles = ['nvidiactl', 'dxg'];

export interface CudaObstacle {
  /** `libraries`: ONNX Runtime's CUDA provider is not installed. `device`: it is, but the machine has no NVIDIA device. */
  readonly missing: 'libraries' | 'device';
  /** One line that says what is missing. */
  readonly detail: string;
}

/**
 * Returns what prevents the use of the CUDA provider; undefined if its libraries and a device are there.
 * @param libraries the folder of onnxruntime-node's native libraries
 * @param devices the folder of the system's device files
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
