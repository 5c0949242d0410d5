// A finished dashboard of stacks that somebody chose.

import type { FileInfo } from "../api/schema";
import { kindOf } from "../parts/kinds";
import { COLUMNS, type Height, type NewCard } from "./model";

/** What is known of a stack that was chosen. */
export interface Chosen {
  /** A reference of it. */
  ref: string;
  name: string;
  files: Pick<FileInfo, "media" | "path" | "size">[];
  metrics: Readonly<Record<string, unknown>>;
}

/** Metrics that are shown above all else. */
const METRICS = 4;

/** What takes the whole width, and how high it is. */
const WIDE: Partial<Record<ReturnType<typeof kindOf>, Height>> = { table: "l", markdown: "auto", text: "m" };

/** Returns cards for stacks: their metrics in a row above, then pictures beside each other, and tables across. */
export function suggest(chosen: readonly Chosen[]): NewCard[] {
  const metrics = chosen.flatMap(({ ref, metrics }) =>
    Object.entries(metrics)
      .filter(([, value]) => typeof value === "number")
      .map(([metric]) => card({ kind: "metric", ref, text: metric, title: metric, height: "s" })),
  );
  const above = metrics.slice(0, METRICS);
  const spanned = above.map((one) => ({ ...one, span: COLUMNS / above.length }));
  const below: NewCard[] = [];
  for (const { ref, name, files } of chosen) {
    const first = byWeight(files)[0];
    const kind = first === undefined ? "other" : kindOf(first);
    const height = WIDE[kind];
    const title = name.split("/").at(-1) ?? name;
    below.push(card({ kind: "stack", ref, title, span: height ? COLUMNS : COLUMNS / 2, height: height ?? "m" }));
  }
  return [...spanned, ...filled(below)];
}

/** Words about what a frame holds come after it. */
const WORDS = new Set<ReturnType<typeof kindOf>>(["markdown", "text"]);

/** Returns files with those first that somebody who has one place for them wants to see. */
export function byWeight<T extends Pick<FileInfo, "media" | "path" | "size">>(files: readonly T[]): T[] {
  return files.toSorted((a, b) => Number(WORDS.has(kindOf(a))) - Number(WORDS.has(kindOf(b))));
}

/** Widens what would stand alone beside nothing. */
function filled(cards: NewCard[]): NewCard[] {
  let taken = 0;
  return cards.map((one, index) => {
    const next = cards[index + 1];
    const alone = taken === 0 && one.span < COLUMNS && (next === undefined || next.span === COLUMNS);
    const span = alone ? COLUMNS : one.span;
    taken = (taken + span) % COLUMNS;
    return { ...one, span };
  });
}

/** Returns a card with what is not said of it. */
export function card(said: Partial<NewCard> & Pick<NewCard, "kind">): NewCard {
  return { title: "", text: "", span: COLUMNS, height: "auto", ...said };
}
