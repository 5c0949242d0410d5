// What a change did to a dashboard, in words.

import type { Card } from "./model";

/** What each field of a card is called; what is not named here says nothing to people. */
const FIELDS: Record<string, string> = {
  title: "title", description: "description", map: "parameters", fixed: "parameters", pin: "frame",
  order: "place", span: "width", height: "height", tab: "tab",
};

/** Fields that are set when a card comes or goes, and at no other time. */
const WHOLE = new Set(["kind", "stack"]);

/** Returns what a change set, in words: `place of Sales; the description`. */
export function saidOf(keys: readonly string[], cards: readonly Card[], none: string): string {
  const titles = new Map(cards.map(({ id, title, kind }) => [id, title || kind]));
  const ofCards = new Map<string, Set<string>>();
  const rest: string[] = [];
  const ofCard = (card: string, what: string) => ofCards.set(card, (ofCards.get(card) ?? new Set()).add(what));
  for (const key of keys) {
    const [part = "", first = "", field] = key.split("/");
    if (part === "title") rest.push("the title");
    else if (part === "text" && first === "description") rest.push("the description");
    else if (part === "text") ofCard(first, "text");
    else if (part === "params") rest.push(`the parameter ${key.slice("params/".length)}`);
    else if (part === "layout" && first === "tabs") rest.push("the tabs");
    else if (field !== undefined) ofCard(first, WHOLE.has(field) ? "whole" : (FIELDS[field] ?? "stack"));
  }
  const said = [...ofCards].map(([card, what]) => {
    const name = titles.get(card);
    if (what.has("whole")) return name === undefined ? "a card that is gone now" : `the card ${name}`;
    return `${[...what].join(", ")} of ${name ?? "a card that is gone now"}`;
  });
  const all = [...new Set([...rest, ...said])];
  return all.length === 0 ? none : all.length > 6 ? `${all.slice(0, 5).join("; ")}; and ${all.length - 5} more` : all.join("; ");
}
