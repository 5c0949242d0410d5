import { describe, expect, it } from "vitest";

import { after } from "./acts";
import type { Card, Dashboard } from "./model";
import { cardsOn, freshTab, moved, renamed, tabAt } from "./pages";

const card = (id: string, tab?: string): Card => ({
  id, kind: "text", title: id, description: "", text: "", span: 12, height: "auto", fixed: {}, names: {}, ...(tab ? { tab } : {}),
});
const board: Dashboard = {
  id: "x", title: "", description: "", tabs: ["Sales", "Staff"], params: {},
  cards: [card("a"), card("b", "Staff"), card("c", "Sales"), card("d", "Gone")],
};
const on = (one: Dashboard, tab: string | undefined) => cardsOn(one, tab).map(({ id }) => id).join("");

describe("tabs", () => {
  it("hold each card once, what is on none on the first", () => {
    expect(on(board, "Sales")).toBe("acd");
    expect(on(board, "Staff")).toBe("b");
    expect(on({ ...board, tabs: [] }, tabAt({ tabs: [] }, "Sales"))).toBe("abcd");
    expect([tabAt(board, "Staff"), tabAt(board, "Gone"), tabAt(board, undefined)]).toEqual(["Staff", "Sales", "Sales"]);
  });

  it("are moved, and called otherwise with their cards", () => {
    expect(moved(["a", "b", "c"], "b", 1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b", "c"], "b", -1)).toEqual(["b", "a", "c"]);
    const done = renamed(board, "Sales", " Turnover ");
    expect(done && on(after(board, done), "Turnover")).toBe("acd");
    expect(renamed(board, "Sales", "Staff")).toBeUndefined();
    expect(renamed(board, "Sales", " ")).toBeUndefined();
    expect(freshTab([])).toBe("Tab 1");
    expect(freshTab(["Sales", "Tab 3"])).toBe("Tab 4");
  });
});
