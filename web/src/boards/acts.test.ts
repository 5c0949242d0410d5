import { expect, it } from "vitest";

import { type Act, after } from "./acts";
import type { Dashboard } from "./model";
import { card } from "./suggest";

const made = ["a", "b", "c"].map((id) => ({ ...card({ kind: "text", title: id }), id }));
const board: Dashboard = { id: "x", title: "", text: "", cards: made, params: { year: { value: 3 } } };
const titles = (...acts: Act[]) => acts.reduce(after, board).cards.map(({ title }) => title).join("");

it("is what was done to it", () => {
  expect(titles({ act: "move", id: "c", after: null })).toBe("cab");
  expect(titles({ act: "move", id: "a", after: "b" })).toBe("bac");
  expect(titles({ act: "move", id: "gone", after: null })).toBe("abc");
  expect(titles({ act: "remove", id: "b" }, { act: "add", card: card({ kind: "text", title: "d" }) })).toBe("acd");
  expect(titles({ act: "add", card: card({ kind: "text", title: "d" }), after: "a" })).toBe("adbc");
  expect(titles({ act: "change", id: "b", card: { title: "B" } })).toBe("aBc");
  expect(after(board, { act: "param", key: "year", setting: null }).params).toEqual({});
});
