/** Files that systems and programs leave in folders, and that are not part of a folder's contents. */

const MARKERS = new Set(['lost+found', 'Thumbs.db', 'desktop.ini']);

/**
 * Whether a name is a marker's: hidden (`.DS_Store`, `._part`, `.nfs0001`), starting with an underscore as in Hadoop
 * and Spark (`_SUCCESS`, `_metadata`), or a file system's own.
 */
export function isMarker(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || MARKERS.has(name);
}
