import { expect, it } from "vitest";

import { type Act, after } from "./acts";
import type { Card, Dashboard } from "./model";

const card = (id: string): Card => ({
  id, kind: "text", title: id, description: "", text: "", span: 12, height: "auto", fixed: {}, names: {},
});
const board: Dashboard = {
  id: "x", title: "", description: "", tabs: [], cards: ["a", "b", "c"].map(card), params: { year: { value: 3 } },
};
const titles = (...acts: Act[]) => acts.reduce(after, board).cards.map(({ title }) => title).join("");

it("is what was done to it", () => {
  expect(titles({ act: "move", id: "c", before: "a" })).toBe("cab");
  expect(titles({ act: "move", id: "a", before: "c" })).toBe("bac");
  expect(titles({ act: "move", id: "a", before: null })).toBe("bca");
  expect(titles({ act: "move", id: "gone", before: null })).toBe("abc");
  expect(titles({ act: "remove", id: "b" })).toBe("ac");
  expect(titles({ act: "change", id: "b", card: { title: "B" } })).toBe("aBc");
  expect(after(board, { act: "param", key: "year", setting: null }).params).toEqual({});
  const pinned = after(board, { act: "pin", id: "a", frame: "f" });
  expect(pinned.cards[0]?.frame).toBe("f");
  expect(after(pinned, { act: "pin", id: "a", frame: null }).cards[0]).not.toHaveProperty("frame");
});
