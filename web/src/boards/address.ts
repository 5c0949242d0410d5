// What the address of a dashboard says: what is chosen, and the time that is looked at.

import type { Choice, Value, Widget } from "../widgets";

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

function written(entries: [string, string][]): string {
  const query = new URLSearchParams(entries).toString();
  return query === "" ? "" : `?${query}`;
}
