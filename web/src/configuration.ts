// Settings of the daemon, by name.

import { all, answer, api } from "./api/client";
import type { Setting } from "./api/schema";

/** Returns all settings with where they come from. */
export function listSettings(): Promise<Setting[]> {
  return all<Setting>((cursor) =>
    answer(api.GET("/api/v1/settings", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
  );
}

/** Changes settings; null takes one back to its default. */
export function changeSettings(changes: Record<string, string | null>) {
  // The document says an object and not of what: names are those of the list.
  return answer(api.PATCH("/api/v1/settings", { body: changes as Record<string, never> }));
}
