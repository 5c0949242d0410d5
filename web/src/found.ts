// What is looked for among stacks: how it stands in the address, and which stacks fit.

import type { SearchHit } from "./api/schema";
import type { Listing } from "./stacks";
import { typeOf } from "./types";

/** The orders of a list. */
export const SORTS = { latest: "Latest first", oldest: "Oldest first", name: "By name", size: "Largest first" } as const;
/** One of them. */
export type Sort = keyof typeof SORTS;

/** How far back a list goes, in days. */
export const SPANS: Record<string, { days: number; label: string }> = {
  "1d": { days: 1, label: "Past day" },
  "7d": { days: 7, label: "Past week" },
  "30d": { days: 30, label: "Past month" },
  "365d": { days: 365, label: "Past year" },
};

/** What is looked for; a part that is empty does not matter. */
export interface Wanted {
  q: string;
  context: string;
  peer: string;
  type: string;
  tag: string;
  /** `7d`, or the first day: `2026-11-01`. */
  since: string;
  /** The last day. */
  until: string;
  /** `auc>0.9`. */
  metric: string;
  sort: Sort;
}

const PARTS = ["q", "context", "peer", "type", "tag", "since", "until", "metric"] as const;

/** Reads what is looked for from an address. */
export function readWanted(query: Record<string, string>): Wanted {
  const parts = Object.fromEntries(PARTS.map((part) => [part, query[part] ?? ""])) as Omit<Wanted, "sort">;
  const sort = Object.keys(SORTS).find((sort) => sort === query.sort) ?? "latest";
  return { ...parts, sort: sort as Sort };
}

/** Returns the address of what is looked for. */
export function wantedPath(wanted: Wanted): string {
  const query = new URLSearchParams();
  for (const part of PARTS) if (wanted[part] !== "") query.set(part, wanted[part]);
  if (wanted.sort !== "latest") query.set("sort", wanted.sort);
  const text = query.toString();
  return text === "" ? "/stacks" : `/stacks?${text}`;
}

/** Tells whether anything is looked for. */
export function isNarrow(wanted: Wanted): boolean {
  return PARTS.some((part) => wanted[part].trim() !== "");
}

/** What begins a filter that the daemon alone knows. */
const FILTER = /(^|\s)"?(name|tag|message|input|param|metric|column):\S/i;

/** Tells whether a text is more than words, so that only the daemon knows what fits. */
export function isQuery(q: string): boolean {
  return FILTER.test(q) || q.includes('"');
}

/** Returns what the daemon is asked for; nothing where what is listed says it all. */
export function question(wanted: Pick<Wanted, "q" | "metric">): string {
  const metric = wanted.metric.trim().replaceAll(/\s+/g, "");
  return [wanted.q.trim(), metric === "" ? "" : `metric:${metric}`].filter((part) => part !== "").join(" ");
}

/** Names one stack among those of all users. */
export function keyOf(stack: { context: string; user: string; id: string }): string {
  return `${stack.context}/${stack.user}/${stack.id}`;
}

/** A stack that fits, and the frame in which the daemon found what is looked for. */
export interface Fitting extends Listing {
  hit: SearchHit | undefined;
}

/** What is known beside the list. */
export interface Beside {
  /** What the daemon found, by stack; nothing while it was not asked or did not answer. */
  hits: ReadonlyMap<string, SearchHit> | undefined;
  /** How users are called. */
  names: ReadonlyMap<string, string>;
  now: Date;
}

const texts = new WeakMap<Listing, string>();

/** Returns the stacks that fit, in the order that is wanted. */
export function pick(listed: readonly Listing[], wanted: Wanted, beside: Beside): Fitting[] {
  const words = wanted.q.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const needsDaemon = isQuery(wanted.q) || wanted.metric.trim() !== "";
  const [from, to] = bounds(wanted, beside.now);
  const fitting: Fitting[] = [];
  for (const one of listed) {
    const { stack, context } = one;
    if (wanted.context !== "" && context?.label !== wanted.context && stack.context !== wanted.context) continue;
    if (wanted.peer !== "" && stack.user !== wanted.peer && beside.names.get(stack.user) !== wanted.peer) continue;
    if (wanted.type !== "" && typeOf(stack.head?.cover) !== wanted.type) continue;
    if (wanted.tag !== "" && stack.tags[wanted.tag] === undefined) continue;
    const time = stack.head?.time ?? "";
    if ((from !== undefined && time < from) || (to !== undefined && time >= to)) continue;
    const hit = beside.hits?.get(keyOf(stack));
    const said = words.every((word) => textOf(one, beside.names).includes(word));
    if (needsDaemon ? hit === undefined : !said && hit === undefined) continue;
    fitting.push({ ...one, hit: said && !needsDaemon ? undefined : hit });
  }
  return inOrder(fitting, wanted.sort);
}

/** All tags that listed stacks have, the most frequent first. */
export function tagsOf(listed: readonly Listing[]): string[] {
  const counts = new Map<string, number>();
  for (const { stack } of listed) {
    for (const tag of Object.keys(stack.tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1)).map(([tag]) => tag);
}

function textOf(one: Listing, names: ReadonlyMap<string, string>): string {
  const known = texts.get(one);
  if (known !== undefined) return known;
  const { stack, context } = one;
  const parts = [stack.name, stack.head?.message, context?.label, names.get(stack.user), ...Object.keys(stack.tags)];
  const text = parts.join("\n").toLowerCase();
  texts.set(one, text);
  return text;
}

/** The times between which a head was pushed, as the daemon writes them. */
function bounds({ since, until }: Wanted, now: Date): [from: string | undefined, to: string | undefined] {
  const days = SPANS[since]?.days;
  const from = days === undefined ? dayOf(since, 0) : new Date(now.getTime() - days * 86_400_000).toISOString();
  return [from, dayOf(until, 1)];
}

function dayOf(text: string, later: number): string | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const day = new Date(`${text}T00:00:00`);
  day.setDate(day.getDate() + later);
  return Number.isNaN(day.getTime()) ? undefined : day.toISOString();
}

function inOrder(fitting: Fitting[], sort: Sort): Fitting[] {
  const time = ({ stack }: Fitting) => stack.head?.time ?? "";
  const name = (a: Fitting, b: Fitting) => a.stack.name.localeCompare(b.stack.name, "en", { numeric: true });
  switch (sort) {
    case "latest":
      return fitting.sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
    case "oldest":
      return fitting.sort((a, b) => (time(a) < time(b) ? -1 : time(a) > time(b) ? 1 : 0));
    case "name":
      return fitting.sort(name);
    case "size":
      return fitting.sort((a, b) => (b.stack.head?.bytes ?? -1) - (a.stack.head?.bytes ?? -1) || name(a, b));
  }
}
