// Finds SwiftShader, a Vulkan driver that needs no GPU, with which the WebGPU engines are tested. Every Chromium brings it,
// and a Vulkan loader, in the folder of its program.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const driver = 'vk_swiftshader_icd.json';

/**
 * The environment in which a process finds SwiftShader; empty where this Chromium has none or a driver is named already.
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
    // For Chromium's Vulkan loader, where the system has none.
    LD_LIBRARY_PATH: [libraries, folder].filter(Boolean).join(delimiter),
  };
}

/** Debian's /usr/bin/chromium is a script that starts /usr/lib/chromium/chromium. */
function chromiumFolders(chromium) {
  const program = realpathSync(chromium);
  const prefix = dirname(dirname(program));
  return [dirname(program), ...['chromium', 'chromium-browser'].map((name) => join(prefix, 'lib', name))];
}
