// Where things are: references of the daemon, and the addresses of pages.

import { short } from "./format";

/** A stack as addresses name it: by the ids of its user, which mean the same on every machine. */
export interface StackPlace {
  /** The id of its user, or her petname. */
  user: string;
  /** The name of its context. */
  context: string;
  /** Its name: `sales/weekly`. */
  name: string;
  /** A frame, a tag or `head~2`; the head where there is none. */
  rev?: string;
}

/** What of a stack a page shows. */
export const VIEWS = ["preview", "history", "files", "lineage", "use"] as const;
/** One of them. */
export type View = (typeof VIEWS)[number];

/** Returns the reference of a place: `3fa9…/main:sales/weekly@head`. */
export function reference(place: StackPlace, attachment?: string): string {
  const rev = place.rev === undefined ? "" : `@${place.rev}`;
  const file = attachment === undefined ? "" : `#${attachment}`;
  return `${place.user}/${place.context}:${place.name}${rev}${file}`;
}

/** Returns the address of a stack's page. */
export function stackPath(place: StackPlace, view: View = "preview"): string {
  const name = place.name.split("/").map(encodeURIComponent).join("/");
  const rev = place.rev === undefined ? "" : `@${encodeURIComponent(place.rev)}`;
  const query = view === "preview" ? "" : `?view=${view}`;
  return `/s/${encodeURIComponent(place.user)}/${encodeURIComponent(place.context)}/${name}${rev}${query}`;
}

/** Returns the address of what differs between two frames. */
export function comparePath(place: StackPlace, from: string, to: string): string {
  const { user, context, name } = place;
  return `${stackPath({ user, context, name })}/diff/${encodeURIComponent(from)}..${encodeURIComponent(to)}`;
}

/** Two frames that are compared. */
export interface Pair {
  from: string;
  to: string;
}

/** Parts the rest of an address behind `/s/` where it says which two frames are compared. */
export function readCompare(rest: string): [rest: string, pair: Pair | undefined] {
  const found = /^(.+)\/diff\/([^/]+?)\.\.([^/]+)$/.exec(rest);
  const [from, to] = [decoded(found?.[2] ?? ""), decoded(found?.[3] ?? "")];
  if (found?.[1] === undefined || !from || !to) return [rest, undefined];
  return [found[1], { from, to }];
}

/** Reads the rest of an address behind `/s/`; nothing where it names no stack. */
export function readStackPath(rest: string): StackPlace | undefined {
  const parts = rest.split("/").map(decoded);
  if (parts.length < 3 || parts.some((part) => part === undefined || part === "")) return undefined;
  const [user, context, ...names] = parts as [string, string, ...string[]];
  const whole = names.join("/");
  // A name holds no `@`, and a revision may hold a slash.
  const at = whole.indexOf("@");
  if (at === 0) return undefined;
  if (at < 0) return { user, context, name: whole };
  const rev = whole.slice(at + 1);
  return { user, context, name: whole.slice(0, at), ...(rev === "" ? {} : { rev }) };
}

/** Reads the query of a stack's page. */
export function readView(query: string | undefined): View {
  return VIEWS.find((view) => view === query) ?? "preview";
}

/** A stack as an old address names it. */
export interface OldPlace {
  user: string;
  stack: string;
}

/** Reads `/user/stack`, by dstack's rules for both; nothing where an address is none. */
export function readOldPath(path: string): OldPlace | undefined {
  const found = /^\/([A-Za-z0-9_-]{3,24})\/([A-Za-z0-9_/-]{3,255})$/.exec(path);
  const [user, stack] = [found?.[1], found?.[2]];
  if (user === undefined || stack === undefined || user === "api" || /--|\/\/|^[-/]|[-/]$/.test(stack)) return undefined;
  return { user, stack };
}

/** Returns how a revision is written for people: ids by their first digits. */
export function shownRev(rev: string): string {
  return /^[0-9a-f]{64}$/.test(rev) ? short(rev) : rev;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
