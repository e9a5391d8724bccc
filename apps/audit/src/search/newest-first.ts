import type { AuditEventView } from '@mandate/contracts';

type Pages = AsyncGenerator<AuditEventView[]>;

/** What two sources yield, both newest first, as one; an event of both comes once. */
export async function* newestFirst(left: Pages, right: Pages): Pages {
  const sources = [eachOf(left), eachOf(right)];
  const heads = await Promise.all(sources.map(next));
  for (;;) {
    const newest = Math.max(...heads.map((head) => head?.position ?? 0));
    const found = heads.find((head) => head?.position === newest);
    if (!found) return;
    yield [found];
    for (const [i, source] of sources.entries()) if (heads[i]?.position === newest) heads[i] = await next(source);
  }
}

const next = async (events: AsyncGenerator<AuditEventView>): Promise<AuditEventView | null> => {
  const read = await events.next();
  return read.done ? null : read.value;
};

async function* eachOf(pages: Pages): AsyncGenerator<AuditEventView> {
  for await (const page of pages) yield* page;
}
