import { expect, it } from "vitest";

import { ahead, landing, sized, spanOf, stepOf } from "./grid";
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

it("finds where a card lands that is carried", () => {
  const box = (left: number, top: number, width: number, height: number) => ({ left, top, right: left + width, bottom: top + height });
  // Two beside each other, the second one lower, and a wide one below them.
  const cells = [box(0, 0, 100, 50), box(110, 0, 100, 80), box(0, 90, 210, 50)];
  expect(landing(cells, 10, 20)).toEqual({ index: 0, beside: 0, side: "left" });
  expect(landing(cells, 90, 20)).toEqual({ index: 1, beside: 1, side: "left" });
  expect(landing(cells, 50, 70)).toEqual({ index: 1, beside: 1, side: "left" });
  expect(landing(cells, 200, 20)).toEqual({ index: 2, beside: 1, side: "right" });
  expect(landing(cells, 200, 100)).toEqual({ index: 2, beside: 2, side: "top" });
  expect(landing(cells, 10, 130)).toEqual({ index: 3, beside: 2, side: "bottom" });
  expect(landing(cells, 10, 900)).toEqual({ index: 3, beside: 2, side: "bottom" });
  expect(landing([], 1, 1).index).toBe(0);
});
