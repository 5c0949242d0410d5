import { describe, expect, it } from "vitest";

import {
  called, type Choice, firstOf, isPossible, movedFrom, nearest, possible, readParams, readWishes, resolve, type Variant, widgetsOf,
} from "./widgets";

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
    expect(kinds("all", 3)).toEqual([["select", ["all", 3]]]);
  });

  it("is there for each key that an attachment has", () => {
    expect(widgetsOf(of({ a: 1 }, { b: "x", a: 2 })).map(({ key }) => key)).toEqual(["a", "b"]);
  });
});

describe("parameters of an attachment", () => {
  it("are texts, numbers and truth values", () => {
    const read = { n: 1, s: "x", b: false, deep: { x: 1 }, list: [1], none: null };
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

describe("what widgets say", () => {
  const variants = [
    { item: 1, params: { c: 1, type: "a" } },
    { item: 2, params: { c: 2, type: "a" } },
    { item: 3, params: { c: 2, type: "b" } },
  ];

  it("is which others moved, and which values would fit", () => {
    const wanted = { c: 1, type: "b" };
    const found = resolve(variants, wanted, "type");
    expect(found?.item).toBe(3);
    expect(movedFrom(wanted, found?.params ?? {}, "type")).toEqual([{ key: "c", from: 1, to: 2 }]);
    expect(possible(variants, { c: 1, type: "a" }, { key: "type", kind: "radio", values: ["a", "b"] })).toEqual(["a"]);
  });

  it("is the nearest value there is", () => {
    expect(nearest([1, 5, 9], 6)).toBe(1);
    expect(nearest(["2026-01-01", "2026-02-01"], "2026-01-20")).toBe(1);
  });

  it("is the tab of dstack's clients, and values with their types", () => {
    expect(readParams({ Sales: { type: "tab" }, day: { t: "date", v: "2026-01-01" }, deep: { x: 1 } })).toEqual({
      tab: "Sales",
      day: "2026-01-01",
    });
    const tabs = [{ item: 1, params: { x: 1, tab: "A" } }, { item: 2, params: { x: 2, tab: "B" } }];
    expect(widgetsOf(tabs).map(({ kind }) => kind)).toEqual(["tabs", "slider"]);
    const many = Array.from({ length: 21 }, (_, at) => ({ item: at, params: { name: `n${at}` } }));
    expect(widgetsOf(many)[0]?.kind).toBe("combobox");
    expect(widgetsOf(many.slice(0, 20))[0]?.kind).toBe("select");
    expect(widgetsOf([{ item: 1, params: { x: 1 } }, { item: 2, params: { x: "a" } }])[0]?.kind).toBe("select");
  });
});

describe("what the author of a frame wishes", () => {
  const variants: Variant<string>[] = [
    { item: "a", params: { size: "small", km: 1, on: true } },
    { item: "b", params: { size: "large", km: 2, on: false } },
    { item: "c", params: { size: "large", km: 1, on: false } },
  ];
  const kinds = (wishes: Parameters<typeof widgetsOf>[1]) => widgetsOf(variants, wishes).map(({ key, kind }) => [key, kind]);

  it("names, orders and hides widgets", () => {
    const [km, size, ...rest] = widgetsOf(variants, {
      km: { label: "Distance", unit: "km", order: 1 },
      size: { values: ["large", "none", "small", "large"], order: 2 },
      on: { hidden: true },
    });
    expect(rest).toEqual([]);
    expect(km).toEqual({ key: "km", kind: "slider", values: [1, 2], label: "Distance", unit: "km" });
    expect(km && called(km)).toBe("Distance (km)");
    expect(size).toEqual({ key: "size", kind: "radio", values: ["large", "small"] });
  });

  it("is another kind only where the values can be that", () => {
    expect(kinds({ size: { kind: "select" }, km: { kind: "radio" } })).toEqual([["size", "select"], ["km", "radio"], ["on", "switch"]]);
    expect(kinds({ size: { kind: "slider" }, km: { kind: "date" }, on: { kind: "select" } })).toEqual(kinds({}));
    expect(kinds({ size: { kind: "knob" } })).toEqual(kinds({}));
  });

  it("begins with something that there is", () => {
    const begin = (wishes: Parameters<typeof firstOf>[1]) => firstOf(variants, wishes)?.item;
    expect(begin({})).toBe("a");
    expect(begin({ size: { default: "large" } })).toBe("c");
    expect(begin({ size: { default: "large" }, km: { default: 2 } })).toBe("b");
    expect(begin({ size: { default: "huge" } })).toBe("a");
    expect(firstOf([], { size: { default: "large" } })).toBeUndefined();
  });

  it("is read as a frame says it, values with their types", () => {
    const said = { day: { default: { t: "date", v: "2026-01-01" }, values: [{ t: "date", v: "2026-01-01" }, null, [1]] } };
    expect(readWishes(said as never)).toEqual({ day: { default: "2026-01-01", values: ["2026-01-01"] } });
    expect(readWishes(undefined)).toEqual({});
  });
});
