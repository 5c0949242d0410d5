// The dashboards that stand on Home; kept in this browser.

import { signal } from "@preact/signals";

const KEY = "dsp-pinned-boards";
/** Most that stand there. */
const MOST = 12;

/** Their ids, the first pinned first. */
export const pinned = signal<readonly string[]>(stored());

/** Puts a dashboard on Home, or takes it from there. */
export function pin(board: string, on: boolean): void {
  const others = pinned.peek().filter((one) => one !== board);
  pinned.value = on ? [...others, board].slice(-MOST) : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(pinned.peek()));
  } catch {
    // A browser that stores nothing forgets them.
  }
}

function stored(): string[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(known) ? known.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
