/**
 * `manifest.json` of an application's bundle: the kind of application, and the size and SHA-256 of the other files.
 * These are the graphs, `<name>.onnx`, and `config.json.z`, the deflated configuration. Language models have another
 * kind of bundle (`../bundle/`).
 */
import { checkedConfig, invalidConfig } from '../bundle/checked-fields.js';
import { type FileRecord, fileRecord, manifestFile, manifestObject } from '../bundle/manifest.js';
import { BundleError } from '../errors.js';

export { manifestFile };
export const configFile = 'config.json.z';

/** The format version that this package writes, and the only one that it reads. */
export const applicationFormatVersion = 1;

export interface ApplicationManifest {
  readonly format: 'unroll-application';
  readonly version: typeof applicationFormatVersion;
  /** The trained task, as named in `unroll train --task`. */
  readonly task: string;
  readonly files: Readonly<Record<string, FileRecord>>;
}

/**
 * Parses the manifest in the bytes of `file`, of an application `task`.
 * @throws BundleError `manifest-invalid` or `version-unsupported`
 */
export function parseApplicationManifest(bytes: Uint8Array, file: string, task: string): ApplicationManifest {
  const kind = "the manifest of an application's bundle";
  const manifest: Partial<ApplicationManifest> = manifestObject(bytes, file, 'unroll-application', kind);
  if (manifest.version !== applicationFormatVersion) {
    throw new BundleError(
      'version-unsupported',
      `${file}: format version ${manifest.version}, this runtime reads ${applicationFormatVersion}; use the versions of the trainer and @unroll/edge-runtime that belong together`,
    );
  }
  if (manifest.task !== task) throw invalidConfig(file, `is a bundle of '${manifest.task}', not of '${task}'`);
  const names = new Set([configFile, ...Object.keys(manifest.files ?? {})]);
  checkedConfig(manifest, { files: Object.fromEntries([...names].map((name) => [name, fileRecord])) }, file);
  return manifest as ApplicationManifest;
}
