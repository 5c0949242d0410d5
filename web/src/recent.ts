// The stacks and dashboards that were looked at last; kept in this browser.

import { signal } from "@preact/signals";

import { keep, kept } from "./stored";

const KEY = "dsp-recent";
/** Most that are kept. */
export const MOST = 8;

/** Something that was looked at. */
export interface Viewed {
  kind: "stack" | "dashboard";
  /** Its page. */
  path: string;
  name: string;
  /** When it was looked at, RFC 3339. */
  at: string;
}

/** What was looked at, the last one first. */
export const recent = signal<readonly Viewed[]>(kept(KEY, read) ?? []);

/** Remembers that something is looked at. */
export function view(one: Omit<Viewed, "at">): void {
  recent.value = after(recent.peek(), { ...one, at: new Date().toISOString() });
  keep(KEY, recent.peek());
}

/** Forgets what was looked at. */
export function forget(): void {
  recent.value = [];
  keep(KEY, []);
}

/** Returns what was looked at with one more, each once. */
export function after(before: readonly Viewed[], one: Viewed): Viewed[] {
  return [one, ...before.filter(({ path }) => path !== one.path)].slice(0, MOST);
}

function read(value: unknown): Viewed[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const fits = (one: Partial<Viewed> | null): one is Viewed =>
    typeof one?.path === "string" && one.path.startsWith("/") && typeof one.name === "string" && typeof one.at === "string";
  return value.filter(fits).slice(0, MOST);
}
