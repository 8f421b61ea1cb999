/** Reads rows of tables from a shard. */
import type { unroll } from '../generated/parameter-server.js';
import { rowReceiver } from '../tables/row-chunks.js';
import { type RowIds, startsOf } from '../tables/row-selection.js';
import type { ShardLayout } from '../vectors/partition.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import type { ShardCalls } from '../wire/shard-calls.js';

/** Greatest number of rows in one request, so that it fits in a message. */
const rowsPerRequest = 100_000;

/** Reads those rows that the shard holds, and writes them to the positions of their ids. */
export async function pullTableRows(
  connection: ShardCalls,
  layout: ShardLayout,
  request: unroll.v1.PullRequest.$Properties & Pick<unroll.v1.PullRequest, 'step' | 'vector'>,
  ids: RowIds,
  into: NamedValues,
): Promise<void> {
  const starts = startsOf(layout, ids);
  const take = rowReceiver(layout, ids, into);
  for (let from = 0; from < starts.length; from += rowsPerRequest) {
    const rows = { starts: starts.slice(from, from + rowsPerRequest) };
    for await (const chunk of connection.pull({ ...request, rows })) take(chunk);
  }
}
