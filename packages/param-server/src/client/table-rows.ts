/** Reads rows of tables from a shard. */
import type { unroll } from '../generated/parameter-server.js';
import type { ShardLayout } from '../partition.js';
import type { NamedValues } from '../shard-vector.js';
import { rowReceiver } from '../tables/row-chunks.js';
import { type RowIds, startsOf } from '../tables/row-selection.js';
import type { ShardCalls } from './shard-calls.js';

/** Rows of one request: few enough for its message. */
const rowsPerRequest = 100_000;

/** Takes those of the rows that the shard has to where they stand among the ids. */
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
