import { expect, it } from "vitest";

import type { Card } from "./model";
import { saidOf } from "./said";

const card: Card = {
  id: "c1", kind: "stack", title: "Sales", description: "", text: "", span: 6, height: "m", fixed: {}, names: {},
};

it("says what a change set", () => {
  expect(saidOf(["title", "text/description"], [card], "")).toBe("the title; the description");
  expect(saidOf(["layout/c1/order", "layout/c1/span"], [card], "")).toBe("place, width of Sales");
  expect(saidOf(["cards/c1/kind", "cards/c1/title", "layout/c1/order"], [card], "")).toBe("the card Sales");
  expect(saidOf(["cards/gone/kind"], [card], "")).toBe("a card that is gone now");
  expect(saidOf(["text/gone", "params/a/b"], [card], "")).toBe("the parameter a/b; text of a card that is gone now");
  expect(saidOf([], [card], "nothing")).toBe("nothing");
});
