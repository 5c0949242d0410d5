// The frames that the cards of a dashboard show, and those that came before them.

import { all, answer, api } from "../api/client";
import type { Event as DaemonEvent, FileInfo, FrameInfo, LogEntry } from "../api/schema";
import { type Query, useQuery } from "../live/query";
import { reference } from "../ref";
import type { Card } from "./model";

/** What is known of the frame of a card. */
export type Found = { frame: FrameInfo } | { error: Error };

/** Frames of a history that a dashboard goes back to. */
const FRAMES = 200;

/** Returns the reference of a card's stack; nothing where it has none that is known here. */
export function stackOf({ stack }: Card): string | undefined {
  return stack?.reference ?? undefined;
}

/**
 * Returns the reference of what a card shows.
 *
 * @param frameThen the frame at the time that is looked at, for cards that do not stay at one
 * @param said the frame that somebody asks for, whatever the card says
 */
export function referenceOf(card: Card, frameThen?: string, said?: string): string | undefined {
  const stack = stackOf(card);
  const rev = said ?? card.frame ?? frameThen;
  return stack === undefined || rev === undefined ? stack : `${stack}@${rev}`;
}

/** Returns how many frames came after the one at which a card stays, as far as the history goes. */
export function newerThan(history: readonly LogEntry[], frame: string): number {
  return Math.max(0, history.findIndex(({ id }) => id === frame));
}

/** Returns the reference of an attachment: by ids, which say whose it is. */
export function referenceIn({ id, stack: { user, context, name } }: FrameInfo, file: FileInfo): string {
  return reference({ user, context, name, rev: id }, file.path);
}

/** Returns the frames of references, each once. */
export function useFrames(references: readonly string[]): Query<ReadonlyMap<string, Found>> {
  const wanted = [...new Set(references)].toSorted();
  return useQuery(
    `frames ${wanted.join(" ")}`,
    async () => {
      const found = wanted.map(async (ref): Promise<[string, Found]> => {
        try {
          return [ref, { frame: await answer(api.GET("/api/v1/frame", { params: { query: { ref } } })) }];
        } catch (error) {
          return [ref, { error: error as Error }];
        }
      });
      return new Map(await Promise.all(found));
    },
    (event) => concerns(event, wanted),
  );
}

/** Returns the history of stacks, the latest frames first; one that cannot be had is left out. */
export function useHistories(stacks: readonly string[]): Query<ReadonlyMap<string, LogEntry[]>> {
  const wanted = [...new Set(stacks)].toSorted();
  return useQuery(
    `histories ${wanted.join(" ")}`,
    async () => {
      const found = wanted.map(async (ref): Promise<[string, LogEntry[]]> => {
        const page = (cursor?: string) =>
          answer(api.GET("/api/v1/log", { params: { query: { ref, limit: FRAMES, ...(cursor ? { cursor } : {}) } } }));
        return [ref, await all<LogEntry>(page, FRAMES).catch(() => [])];
      });
      return new Map(await Promise.all(found));
    },
    (event) => concerns(event, wanted),
  );
}

/** Returns the frame that was the latest of a history at a time, in milliseconds. */
export function frameAt(history: readonly LogEntry[], time: number): string | undefined {
  return history.find((entry) => entry.time != null && Date.parse(entry.time) <= time)?.id;
}

/** Returns every time at which one of the stacks got a frame, the earliest first. */
export function timesOf(histories: ReadonlyMap<string, LogEntry[]>): number[] {
  const times = [...histories.values()].flatMap((entries) =>
    entries.flatMap(({ time }) => (time == null ? [] : [Date.parse(time)])),
  );
  return [...new Set(times)].toSorted((a, b) => a - b);
}

function concerns(event: DaemonEvent, references: readonly string[]): boolean {
  switch (event.event) {
    case "stack.created":
    case "stack.head_changed":
      return references.some((one) => one.includes(`:${event.name}`));
    case "attachment.available":
    case "transfer.finished":
    case "context.changed":
      return true;
    default:
      return false;
  }
}
