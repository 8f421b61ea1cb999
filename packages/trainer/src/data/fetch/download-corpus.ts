/** Fetches a published corpus and shows the progress of its downloads. */
import { megabytes, Progress } from '../../terminal/progress.js';
import type { DownloadProgress } from './download.js';
import { fetchCorpus } from './fetch-corpus.js';

/**
 * Fetches the corpus and returns its folder.
 * @throws UnrollError naming what cannot be downloaded or written
 */
export async function downloadCorpus(
  name: string,
  out: string,
  mirror: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const bars = new Map<string, Progress>();
  const onProgress = ({ url, receivedBytes, totalBytes }: DownloadProgress) => {
    let bar = bars.get(url);
    if (!bar) {
      for (const finished of bars.values()) finished.stop();
      bar = new Progress(url.slice(url.lastIndexOf('/') + 1), megabytes(totalBytes), 'MB');
      bars.set(url, bar);
    }
    bar.update(megabytes(receivedBytes));
  };
  try {
    return await fetchCorpus(name, out, { mirror, signal, onProgress });
  } finally {
    for (const bar of bars.values()) bar.stop();
  }
}
