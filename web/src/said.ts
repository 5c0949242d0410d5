// Whether texts hold what is looked for, and where.

/** Characters of a text that are shown around a hit. */
const AROUND = 60;

/** Tells whether texts, taken together, hold every word. */
export function says(q: string, texts: readonly (string | null | undefined)[]): boolean {
  const words = q.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const text = texts.join("\n").toLowerCase();
  return words.length > 0 && words.every((word) => text.includes(word));
}

/** Returns what of a text stands around the first word that it holds. */
export function hitIn(text: string, q: string): string {
  const flat = text.replaceAll(/\s+/g, " ").trim();
  const places = q.toLowerCase().split(/\s+/).map((word) => flat.toLowerCase().indexOf(word));
  const at = Math.min(...places.filter((place) => place >= 0), flat.length);
  const from = at <= AROUND ? 0 : at - AROUND;
  const to = Math.min(flat.length, at + 2 * AROUND);
  return `${from > 0 ? "… " : ""}${flat.slice(from, to)}${to < flat.length ? " …" : ""}`;
}
