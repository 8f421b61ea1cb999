// Finds SwiftShader, a Vulkan driver that needs no GPU, for tests of the WebGPU engines. Every Chromium includes it,
// with a Vulkan loader, in the folder of its program.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const driver = 'vk_swiftshader_icd.json';

/**
 * The environment in which a process finds SwiftShader; empty if this Chromium has none or a driver is already named.
 * @param {string | undefined} chromium the path of its program
 * @returns {Record<string, string>}
 */
export function swiftShaderEnvironment(chromium) {
  const { VK_ICD_FILENAMES: named, LD_LIBRARY_PATH: libraries } = process.env;
  if (named || !chromium || process.platform !== 'linux') return {};
  const folder = chromiumFolders(chromium).find((path) => existsSync(join(path, driver)));
  if (!folder) return {};
  return {
    VK_ICD_FILENAMES: join(folder, driver),
    // For Chromium's Vulkan loader, if the system has none.
    LD_LIBRARY_PATH: [libraries, folder].filter(Boolean).join(delimiter),
  };
}

/**
 * Folders that may contain SwiftShader. Debian's /usr/bin/chromium is a script that starts /usr/lib/chromium/chromium.
 */
function chromiumFolders(chromium) {
  const program = realpathSync(chromium);
  const prefix = dirname(dirname(program));
  return [dirname(program), ...['chromium', 'chromium-browser'].map((name) => join(prefix, 'lib', name))];
}
