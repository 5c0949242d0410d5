// What the address of a dashboard says: what is done with it, what is chosen, and which frames and card are looked at.

import type { Choice, Value, Widget } from "../widgets";

/** What is done with a dashboard: looked at, where nothing is said. */
export const MODES = ["edit", "history", "print"] as const;
/** One of them. */
export type Mode = (typeof MODES)[number];

/** Returns the address of a dashboard. */
export function boardPath(id: string, mode?: Mode): string {
  return mode === undefined ? `/d/${id}` : `/d/${id}/${mode}`;
}

/** Returns what the path of an address does with a dashboard. */
export function readMode(path: string): Mode | undefined {
  const last = path.split("/")[3];
  return MODES.find((mode) => mode === last);
}

/** Reads what an address chooses: `p.Coefficient=1.5`. Values that are not there choose nothing. */
export function readChoice(query: Readonly<Record<string, string>>, widgets: readonly Widget[]): Choice {
  const chosen = widgets.flatMap(({ key, values }): [string, Value][] => {
    const value = (values as Value[]).find((one) => String(one) === query[`p.${key}`]);
    return value === undefined ? [] : [[key, value]];
  });
  return Object.fromEntries(chosen);
}

/** Reads the time that an address looks at, in milliseconds; nothing is now. */
export function readTime(query: Readonly<Record<string, string>>): number | undefined {
  const time = Date.parse(query.at ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Returns the query of an address with another choice. */
export function withChoice(query: Readonly<Record<string, string>>, choice: Choice): string {
  const kept = Object.entries(query).filter(([key]) => !(key.startsWith("p.") && key.slice(2) in choice));
  const chosen = Object.entries(choice).map(([key, value]): [string, string] => [`p.${key}`, String(value)]);
  return written([...kept, ...chosen]);
}

/** Returns the query of an address with another time. */
export function withTime(query: Readonly<Record<string, string>>, time: number | undefined): string {
  const { at: _, ...rest } = query;
  return written(Object.entries(time === undefined ? rest : { ...rest, at: new Date(time).toISOString() }));
}

/** Returns the query of an address with another tab; nothing is the first one. */
export function withTab(query: Readonly<Record<string, string>>, tab: string | undefined): string {
  const { tab: _, ...rest } = query;
  return written(Object.entries(tab === undefined ? rest : { ...rest, tab }));
}

/** Returns the query of an address that chooses nothing. */
export function withoutChoice(query: Readonly<Record<string, string>>): string {
  return written(Object.entries(query).filter(([key]) => !key.startsWith("p.")));
}

/** Reads which cards are shown at which frame: `f.<card>=<frame>`, both by their ids. */
export function readFrames(query: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const said = Object.entries(query).filter(([key, value]) => key.startsWith("f.") && /^[0-9a-f]{8,64}$/.test(value));
  return new Map(said.map(([key, value]) => [key.slice(2), value]));
}

/** Returns the query of an address with a card at another frame; nothing is as the dashboard has it. */
export function withFrame(query: Readonly<Record<string, string>>, card: string, frame: string | undefined): string {
  const { [`f.${card}`]: _, ...rest } = query;
  return written(Object.entries(frame === undefined ? rest : { ...rest, [`f.${card}`]: frame }));
}

/** Returns the query of an address with a card alone; nothing is all of them. */
export function withCard(query: Readonly<Record<string, string>>, card: string | undefined): string {
  const { card: _, ...rest } = query;
  return written(Object.entries(card === undefined ? rest : { ...rest, card }));
}

/** Returns the query of an address that shows one card, with what is chosen, at a frame where one is given. */
export function cardLink(query: Readonly<Record<string, string>>, choice: Choice, card: string, frame?: string): string {
  const kept = Object.entries(query).filter(([key]) => key === "tab" || key === "at");
  const chosen = Object.entries(choice).map(([key, value]): [string, string] => [`p.${key}`, String(value)]);
  const at: [string, string][] = frame === undefined ? [] : [[`f.${card}`, frame]];
  return written([...kept, ...chosen, ["card", card], ...at]);
}

function written(entries: [string, string][]): string {
  const query = new URLSearchParams(entries).toString();
  return query === "" ? "" : `?${query}`;
}
