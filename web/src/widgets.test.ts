import { describe, expect, it } from "vitest";

import { type Choice, isPossible, readParams, resolve, type Variant, widgetsOf } from "./widgets";

const of = (...params: Choice[]): Variant<number>[] => params.map((one, item) => ({ item, params: one }));

describe("the widget of a parameter", () => {
  const kinds = (...values: (string | number | boolean)[]) =>
    widgetsOf(of(...values.map((value) => ({ key: value })))).map(({ kind, values }) => [kind, values]);

  it("follows its values", () => {
    expect(kinds(3)).toEqual([["fixed", [3]]]);
    expect(kinds(true, false)).toEqual([["switch", [true, false]]]);
    expect(kinds(2, 0.5, 10, 2)).toEqual([["slider", [0.5, 2, 10]]]);
    expect(kinds("2026-02-01", "2026-01-01")).toEqual([["date", ["2026-01-01", "2026-02-01"]]]);
    expect(kinds("b", "a")).toEqual([["radio", ["b", "a"]]]);
    expect(kinds("a", "b", "c", "d", "e", "f")[0]?.[0]).toBe("select");
    expect(kinds("all", 3)).toEqual([["radio", ["all", 3]]]);
  });

  it("is there for each key that an attachment has", () => {
    expect(widgetsOf(of({ a: 1 }, { b: "x", a: 2 })).map(({ key }) => key)).toEqual(["a", "b"]);
  });
});

describe("parameters of an attachment", () => {
  it("are texts, numbers and truth values", () => {
    const read = { n: 1, s: "x", b: false, tab: { type: "tab" }, list: [1], none: null };
    expect(readParams(read)).toEqual({ n: 1, s: "x", b: false });
    expect(readParams(undefined)).toEqual({});
  });
});

describe("a choice", () => {
  const variants = of({ k: 1, t: "a" }, { k: 2, t: "a" }, { k: 2, t: "b" });

  it("finds the attachment that fits", () => {
    expect(resolve(variants, { k: 2, t: "b" })?.item).toBe(2);
  });

  it("keeps what was changed last where nothing fits", () => {
    expect(resolve(variants, { k: 1, t: "b" }, "t")?.item).toBe(2);
    expect(resolve(variants, { k: 1, t: "b" }, "k")?.item).toBe(0);
  });

  it("finds something where there is anything", () => {
    expect(resolve(variants, { z: 1 }, "z")?.item).toBe(0);
    expect(resolve([], {})).toBeUndefined();
  });

  it("knows what would be there", () => {
    expect(isPossible(variants, { k: 1, t: "a" }, "t", "b")).toBe(false);
    expect(isPossible(variants, { k: 2, t: "a" }, "t", "b")).toBe(true);
  });
});
