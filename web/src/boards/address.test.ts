import { expect, it } from "vitest";

import type { Widget } from "../widgets";
import {
  boardPath, cardLink, readChoice, readFrames, readMode, readTime, withCard, withChoice, withFrame, withoutChoice, withTab, withTime,
} from "./address";

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

it("says which cards are at which frame, by ids alone", () => {
  const frame = "0123456789abcdef".repeat(4);
  const address = withFrame({ tab: "one" }, "4f2a", frame);
  const query = Object.fromEntries(new URLSearchParams(address));
  expect(readFrames(query)).toEqual(new Map([["4f2a", frame]]));
  expect(readFrames({ "f.4f2a": "head~1", "f.1": "", f: frame })).toEqual(new Map());
  expect(withFrame(query, "4f2a", undefined)).toBe("?tab=one");
});

it("says which card stands alone, and links to it", () => {
  expect(withCard({ "p.k": "1" }, "4f2a")).toBe("?p.k=1&card=4f2a");
  expect(withCard({ card: "4f2a" }, undefined)).toBe("");
  const query = { tab: "two", edit: "", "f.other": "0123456789", "p.k": "1" };
  expect(cardLink(query, { k: 2 }, "4f2a")).toBe("?tab=two&p.k=2&card=4f2a");
  expect(cardLink(query, {}, "4f2a", "0123456789")).toBe("?tab=two&card=4f2a&f.4f2a=0123456789");
});

it("says what is done with the dashboard", () => {
  expect(boardPath("01ab")).toBe("/d/01ab");
  expect(readMode(boardPath("01ab", "print"))).toBe("print");
  expect(readMode("/d/01ab")).toBeUndefined();
  expect(readMode("/d/edit")).toBeUndefined();
});
