/** Files that systems and programs leave in folders, and that hold nothing of what a folder is for. */

const MARKERS = new Set(['lost+found', 'Thumbs.db', 'desktop.ini']);

/**
 * Whether a name is that of a marker: hidden (`.DS_Store`, `._part`, `.nfs0001`), begun with an underscore as Hadoop and Spark do
 * (`_SUCCESS`, `_metadata`), or one of a file system's own.
 */
export function isMarker(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || MARKERS.has(name);
}
