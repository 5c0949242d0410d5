// Which cards stand on which tab of a dashboard, and what moves them.

import type { Act } from "./acts";
import type { Card, Dashboard } from "./model";

/** Returns the tab that an address means; the first one where it means none, and nothing without tabs. */
export function tabAt(board: Pick<Dashboard, "tabs">, wanted: string | undefined): string | undefined {
  return board.tabs.find((tab) => tab === wanted) ?? board.tabs[0];
}

/** Returns the tab of a card; what is on none that there is stands on the first one. */
export function tabOf(board: Pick<Dashboard, "tabs">, card: Pick<Card, "tab">): string | undefined {
  return tabAt(board, card.tab);
}

/** Returns the cards of a tab, in their order; all of them where there are no tabs. */
export function cardsOn(board: Pick<Dashboard, "tabs" | "cards">, tab: string | undefined): Card[] {
  return board.cards.filter((card) => tabOf(board, card) === tab);
}

/** Returns tabs with one of them moved by some places. */
export function moved(tabs: readonly string[], tab: string, by: number): string[] {
  const rest = tabs.filter((one) => one !== tab);
  const at = Math.min(Math.max(tabs.indexOf(tab) + by, 0), rest.length);
  return rest.toSpliced(at, 0, tab);
}

/** Returns what calls a tab otherwise; nothing where the name is none or that of another one. */
export function renamed(board: Dashboard, tab: string, typed: string): Act | undefined {
  const name = typed.trim();
  if (name === "" || board.tabs.includes(name)) return undefined;
  const ids = cardsOn(board, tab).map(({ id }) => id);
  return { act: "tabs", tabs: board.tabs.map((one) => (one === tab ? name : one)), on: { tab: name, ids } };
}

/** Returns a name that no tab has. */
export function freshTab(tabs: readonly string[]): string {
  for (let n = tabs.length + 1; ; n += 1) {
    if (!tabs.includes(`Tab ${n}`)) return `Tab ${n}`;
  }
}
