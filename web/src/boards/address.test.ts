import { expect, it } from "vitest";

import type { Widget } from "../widgets";
import { readChoice, readTime, withChoice, withoutChoice, withTab, withTime } from "./address";

const widgets: Widget[] = [
  { key: "year", kind: "slider", values: [2024, 2025] },
  { key: "all", kind: "switch", values: [true, false] },
];

it("says what is chosen, and is read again", () => {
  const address = withChoice({ tab: "one", "p.year": "2024" }, { year: 2025, all: true });
  expect(address).toBe("?tab=one&p.year=2025&p.all=true");
  const query = Object.fromEntries(new URLSearchParams(address));
  expect(readChoice(query, widgets)).toEqual({ year: 2025, all: true });
  expect(readChoice({ "p.year": "1999", "p.other": "x" }, widgets)).toEqual({});
  expect(withoutChoice(query)).toBe("?tab=one");
  expect(withTab(query, "two")).toBe("?p.year=2025&p.all=true&tab=two");
  expect(withTab({ tab: "one" }, undefined)).toBe("");
});

it("says the time", () => {
  const time = Date.parse("2026-11-22T10:00:00Z");
  const query = Object.fromEntries(new URLSearchParams(withTime({ "p.a": "1" }, time)));
  expect(readTime(query)).toBe(time);
  expect(withTime(query, undefined)).toBe("?p.a=1");
  expect(readTime({ at: "yesterday" })).toBeUndefined();
});
