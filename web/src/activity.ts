// What happened lately: frames that were pushed, dashboards that were changed, and what else one is told.

import { answer, api } from "./api/client";
import type { BoardInfo, LogEntry, NotificationInfo } from "./api/schema";
import { dayOf } from "./format";
import { reference } from "./ref";
import { type Listing, placeOf } from "./stacks";

/** Something that happened. */
export type Happening = { key: string; time: string; user: string } & (
  | { kind: "frame"; listing: Listing; frame: PushedFrame }
  | { kind: "dashboard"; board: BoardInfo }
  | { kind: "notice"; one: NotificationInfo }
);

/** A frame, as far as a line of it says. */
export interface PushedFrame {
  id: string;
  message: string;
  /** Number of its files, where that is known here. */
  files?: number | undefined;
  /** Its number in the line of the stack, where the whole line is known. */
  number?: number | undefined;
  /** Whether it is the head, so that what stands for the stack stands for it. */
  head: boolean;
}

/** The kinds, and how people call them. */
export const KINDS = { frame: "Frames", dashboard: "Dashboards", notice: "Notices" } as const;
/** Whose a happening is. */
export type Whose = "all" | "mine" | "others";

/** Frames of one stack that are looked at. */
export const DEPTH = 50;
/** Stacks whose lines are asked for at a time. */
export const STEP = 40;

/** The newest frames of a stack; `whole` where there are no older ones. */
export interface Line {
  entries: readonly LogEntry[];
  whole: boolean;
}

/** Names a stack among those of all users. */
export function keyOf({ stack }: Listing): string {
  return `${stack.context} ${stack.user} ${stack.id}`;
}

/** Returns the stacks that have a head, the one that was pushed to last first. */
export function byTime(listed: readonly Listing[]): Listing[] {
  return listed
    .filter(({ stack }) => stack.head != null)
    .sort((a, b) => (b.stack.head?.time ?? "").localeCompare(a.stack.head?.time ?? ""));
}

/** Returns the line of each stack. */
export async function linesOf(listed: readonly Listing[]): Promise<Map<string, Line>> {
  const asked = listed.map(async (one): Promise<[string, Line]> => {
    const query = { ref: reference(placeOf(one)), limit: DEPTH };
    const page = await answer(api.GET("/api/v1/log", { params: { query } })).catch(() => undefined);
    return [keyOf(one), { entries: page?.items ?? [], whole: page?.next_cursor == null }];
  });
  return new Map(await Promise.all(asked));
}

/** What is known of everything. */
export interface Known {
  /** All stacks. */
  listed: readonly Listing[];
  /** The lines of the first of them, by time. */
  lines: ReadonlyMap<string, Line>;
  boards: readonly BoardInfo[];
  notices: readonly NotificationInfo[];
}

/**
 * Returns what happened, the latest first, as far back as nothing is missing in between.
 *
 * A stack whose line is not known yet has no frame later than its head, and one of which only the
 * newest frames are known has none between those and the others: the later of these times is the
 * end.
 */
export function happenings({ listed, lines, boards, notices }: Known): { all: Happening[]; more: boolean } {
  const ends: string[] = [];
  const found: Happening[] = [];
  for (const listing of listed) {
    const { stack } = listing;
    const key = keyOf(listing);
    const line = lines.get(key);
    if (line === undefined) {
      ends.push(stack.head?.time ?? "");
      continue;
    }
    const entries = line.entries.filter(({ time }) => time != null);
    if (!line.whole) ends.push(entries.at(-1)?.time ?? "");
    const frames = entries.length > 0 ? entries.map((entry) => ofEntry(entry, line)) : ofHead(listing);
    for (const { time, ...frame } of frames) {
      found.push({ kind: "frame", key: `${key} ${frame.id}`, time, user: stack.user, listing, frame });
    }
  }
  for (const board of boards) {
    if (board.removed) continue;
    found.push({ kind: "dashboard", key: board.id, time: board.changed ?? board.made, user: board.creator.user, board });
  }
  for (const one of notices) {
    // What was pushed stands here itself.
    if (one.kind === "head") continue;
    found.push({ kind: "notice", key: `notice ${one.id}`, time: one.at, user: one.user?.user ?? "", one });
  }
  const end = ends.reduce((latest, time) => (time > latest ? time : latest), "");
  const all = found.filter(({ time }) => time >= end).sort((a, b) => b.time.localeCompare(a.time) || (a.key < b.key ? 1 : -1));
  return { all, more: ends.length > 0 };
}

/** Tells whether something is wanted. */
export function isWanted({ kind, user }: Happening, whose: Whose, kinds: string, me: string | undefined): boolean {
  const from = whose === "all" || (user === me) === (whose === "mine");
  return from && (kinds === "" || kind === kinds);
}

/** Returns the last push to each stack, the latest first. */
export function heads(listed: readonly Listing[]): Happening[] {
  return byTime(listed).flatMap((listing) =>
    ofHead(listing).map(({ time, ...frame }): Happening => {
      const { user } = listing.stack;
      return { kind: "frame", key: `${keyOf(listing)} ${frame.id}`, time, user, listing, frame };
    }),
  );
}

/** Returns what happened by the days on which it did. */
export function byDay(all: readonly Happening[], now: Date): [day: string, ones: Happening[]][] {
  const days = new Map<string, Happening[]>();
  for (const one of all) {
    const day = dayOf(new Date(one.time), now);
    const ones = days.get(day);
    if (ones === undefined) days.set(day, [one]);
    else ones.push(one);
  }
  return [...days];
}

function ofEntry(entry: LogEntry, { entries, whole }: Line): PushedFrame & { time: string } {
  const at = entries.indexOf(entry);
  return {
    id: entry.id,
    time: entry.time ?? "",
    message: entry.message ?? "",
    files: entry.files ?? undefined,
    number: whole ? entries.length - at : undefined,
    head: entry.head,
  };
}

function ofHead({ stack: { head } }: Listing): (PushedFrame & { time: string })[] {
  if (head == null) return [];
  return [{ id: head.frame, time: head.time, message: head.message ?? "", files: head.files ?? undefined, head: true }];
}
