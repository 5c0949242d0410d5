// The line of frames of a stack, as its page walks along it.

import { all, answer, api } from "../../api/client";
import type { Event as DaemonEvent, LogEntry } from "../../api/schema";
import { type Query, useQuery } from "../../live/query";
import { reference, type StackPlace } from "../../ref";

/** Frames of a history that are listed. */
export const FRAMES = 2000;

/** Returns the frames of a stack, the latest first. */
export function useLog(place: StackPlace): Query<LogEntry[]> {
  const named = reference({ user: place.user, context: place.context, name: place.name });
  return useQuery(
    `log ${named}`,
    () =>
      all<LogEntry>(
        (cursor) =>
          answer(api.GET("/api/v1/log", { params: { query: { ref: named, limit: 1000, ...(cursor ? { cursor } : {}) } } })),
        FRAMES,
      ),
    (event) => concerns(event, place),
  );
}

/** Tells whether an event may change what the page of a stack shows. */
export function concerns(event: DaemonEvent, place: StackPlace): boolean {
  switch (event.event) {
    case "stack.created":
    case "stack.head_changed":
      return event.name === place.name;
    case "frame.added":
    case "attachment.available":
    case "transfer.finished":
    case "context.changed":
      return true;
    default:
      return false;
  }
}
