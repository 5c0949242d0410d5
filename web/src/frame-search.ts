// Frames in which the daemon finds something. It looks at the columns of tables when they are
// searched first, answers meanwhile with what it knows, and notes that there may be more.

import { all, answer, api } from "./api/client";
import type { SearchHit } from "./api/schema";

/** When an answer that may be longer soon is asked for again, in milliseconds; the daemon waits a while itself. */
const AGAIN = 400;
/** How often it is, while the daemon notes the same: some tables are never looked at. */
const PATIENCE = 20;

/** What was found so far. */
export interface FoundSoFar {
  hits: SearchHit[];
  /** Whether there may be more in a moment. */
  reads: boolean;
}

type Ask = (q: string, most: number) => Promise<{ hits: SearchHit[]; note: string | undefined }>;

/**
 * Searches frames, and tells what was found each time that it may be more, until it is all.
 *
 * @returns what ends it; nothing is told after that
 */
export function searchFrames(
  q: string,
  most: number,
  told: (found: FoundSoFar) => void,
  failed: (error: Error) => void,
  ask: Ask = asked,
): () => void {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = async (before: string | undefined, same: number) => {
    try {
      const { hits, note } = await ask(q, most);
      if (over) return;
      const times = note === before ? same + 1 : 0;
      const reads = note !== undefined && times < PATIENCE;
      if (reads) timer = setTimeout(() => void run(note, times), AGAIN);
      told({ hits, reads });
    } catch (error) {
      if (!over) failed(error as Error);
    }
  };
  void run(undefined, 0);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

const asked: Ask = async (q, most) => {
  let note: string | undefined;
  const hits = await all<SearchHit>(async (cursor) => {
    const query = { q, limit: Math.min(most, 500), ...(cursor ? { cursor } : {}) };
    const page = await answer(api.GET("/api/v1/search", { params: { query } }));
    note = page.note ?? note;
    return page;
  }, most);
  return { hits, note };
};
