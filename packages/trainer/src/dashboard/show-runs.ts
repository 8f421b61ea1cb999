/** Serves the page of runs from their folders: several at once, finished or going on. */
import { lately } from '@unroll/param-server/config';
import { firstLine } from '../errors.js';
import { findRunFolders } from '../runs/find-runs.js';
import { log } from '../terminal/log.js';
import { FollowedRun, newsOf, type ReceivedRuns } from './followed-run.js';
import type { PageAddress } from './page-address.js';
import { type PageServer, servePage } from './page-server.js';

/** The points of all curves together: a hundred runs are still drawn quickly. */
const mostPoints = 8000;
const [mostOfOne, leastOfOne] = [2000, 100];
/** In milliseconds; readers are sent data every second. */
const freshness = 500;

/**
 * Serves the runs in these folders, and those that are added there later.
 * @throws UnrollError naming a folder that holds no run, or a file that is damaged, or an address that is taken
 */
export async function showRuns(places: readonly string[], address: PageAddress): Promise<PageServer> {
  const folders = findRunFolders(places);
  const pointsOfOne = Math.min(mostOfOne, Math.max(leastOfOne, Math.floor(mostPoints / folders.length)));
  const runs = folders.map((folder) => new FollowedRun(folder, pointsOfOne));
  for (const run of runs) await run.read();
  /** Runs whose files have been damaged since. */
  const damaged = new Set<FollowedRun>();
  const refresh = lately(async () => {
    for (const folder of foldersNow(places)) {
      if (!runs.some((run) => run.folder === folder)) runs.push(new FollowedRun(folder, pointsOfOne));
    }
    for (const run of runs.filter((each) => !damaged.has(each))) {
      await run.read().catch((error: unknown) => {
        damaged.add(run);
        log(`${firstLine(error)}; the page shows the run as it was`, 'warning');
      });
    }
    return runs;
  }, freshness);
  const name = places.join(', ');
  return servePage(address, () => {
    const received: ReceivedRuns = new Map();
    return async () => ({ name, runs: newsOf(await refresh(), received), hasEnded: false, servers: [], workers: [] });
  });
}

/** Returns the folders of runs; none while a folder is being moved or removed. */
function foldersNow(places: readonly string[]): string[] {
  try {
    return findRunFolders(places);
  } catch {
    return [];
  }
}
