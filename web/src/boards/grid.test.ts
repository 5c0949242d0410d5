import { expect, it } from "vitest";

import { ahead, sized, spanOf, stepOf } from "./grid";
import type { Card } from "./model";

const cards = ["a", "b", "c"].map(
  (id): Card => ({ id, kind: "text", title: "", description: "", text: "", span: 3, height: "auto", fixed: {}, names: {} }),
);
const [first] = cards as [Card];

it("moves a card among the others", () => {
  expect(ahead(cards, "a", 1)).toBe("c");
  expect(ahead(cards, "a", 2)).toBeNull();
  expect(ahead(cards, "c", 0)).toBe("a");
  expect(ahead(cards, "c", 9)).toBeUndefined();
  expect(ahead(cards, "b", 1)).toBeUndefined();
  expect(ahead(cards, "gone", 0)).toBeUndefined();
});

it("sizes a card within the grid", () => {
  expect(sized(first, "wider")).toEqual({ span: 4 });
  expect(sized({ ...first, span: 12 }, "wider")).toBeUndefined();
  expect(sized({ ...first, span: 2 }, "narrower")).toBeUndefined();
  expect(sized(first, "higher")).toEqual({ height: "s" });
  expect(sized(first, "lower")).toBeUndefined();
  expect([spanOf(100, 1200), spanOf(610, 1200), spanOf(5000, 1200)]).toEqual([2, 6, 12]);
});

it("reads keys", () => {
  expect([stepOf("ArrowLeft", false), stepOf("ArrowDown", true), stepOf("a", false)]).toEqual([
    "earlier",
    "higher",
    undefined,
  ]);
});
