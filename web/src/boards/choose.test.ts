import { describe, expect, it } from "vitest";

import type { Variant } from "../widgets";
import { barOf, everyWidget, firstChoice, isOffered, shownBy, sourceOf, valuesFor } from "./choose";

const variant = (item: string, params: Variant<string>["params"]): Variant<string> => ({ item, params });
const plain = { fixed: {}, names: {} };
const sales = sourceOf({ id: "sales", ...plain }, [
  variant("north 2024", { region: "north", year: 2024 }),
  variant("north 2025", { region: "north", year: 2025 }),
  variant("south 2025", { region: "south", year: 2025 }),
]);
const staff = sourceOf({ id: "staff", fixed: { unit: "heads" }, names: { area: "region" } }, [
  variant("heads north", { area: "north", unit: "heads" }),
  variant("costs north", { area: "north", unit: "euro" }),
  variant("heads west", { area: "west", unit: "heads" }),
]);
const note = sourceOf({ id: "note", ...plain }, [variant("note", {})]);

describe("the bar", () => {
  it("has one widget for a parameter of several cards, whatever they call it", () => {
    const widgets = barOf([sales, staff, note], {});
    expect(widgets).toEqual([
      { key: "region", kind: "radio", values: ["north", "south", "west"] },
      { key: "year", kind: "slider", values: [2024, 2025] },
    ]);
    expect(barOf([sales], { year: { hidden: true } }).map(({ key }) => key)).toEqual(["region"]);
  });

  it("shows what an author leaves out where the dashboard says so", () => {
    const quiet = { ...sales, wishes: { year: { hidden: true } } };
    const keys = (widgets: { key: string }[]) => widgets.map(({ key }) => key);
    expect(keys(barOf([quiet], {}))).toEqual(["region"]);
    expect(keys(barOf([quiet], { year: { hidden: false } }))).toEqual(["region", "year"]);
    const [all, left] = everyWidget([quiet, staff]);
    expect([keys(all), [...left]]).toEqual([["region", "year"], ["year"]]);
  });

  it("begins with the address, then with the dashboard, then with the first attachment", () => {
    expect(firstChoice([sales, staff], {}, {})).toEqual({ region: "north", year: 2024 });
    expect(firstChoice([sales, staff], { year: { value: 2025 } }, {})).toEqual({ region: "north", year: 2025 });
    expect(firstChoice([sales], { year: { value: 2025 } }, { year: 2024, region: "south" })).toEqual({
      region: "south",
      year: 2024,
    });
  });

  it("asks as the authors of the frames wish, and as the dashboard says before all", () => {
    const wishes = { area: { label: "Where", default: "west" }, unit: { label: "never shown" } };
    const asks = sourceOf({ id: "staff", fixed: { unit: "heads" }, names: { area: "region" } }, [
      variant("heads north", { area: "north", unit: "heads" }),
      variant("heads west", { area: "west", unit: "heads" }),
    ], wishes);
    expect(barOf([sales, asks], {})[0]).toMatchObject({ key: "region", label: "Where" });
    expect(barOf([sales, asks], { region: { label: "Region" } })[0]).toMatchObject({ label: "Region" });
    expect(firstChoice([asks], {}, {})).toEqual({ region: "west" });
    expect(firstChoice([asks], { region: { value: "north" } }, {})).toEqual({ region: "north" });
  });

  it("marks what no card has", () => {
    expect(isOffered([sales, staff], { region: "north", year: 2024 }, "region", "south")).toBe(false);
    expect(isOffered([sales, staff], { region: "north", year: 2024 }, "region", "west")).toBe(true);
    expect(valuesFor(sales, { region: "north", year: 2025 }, "region")).toEqual(["north", "south"]);
  });
});

describe("a card", () => {
  it("shows what fits, and leaves aside what it has no parameter for", () => {
    const choice = { region: "north", year: 2025 };
    expect(shownBy(sales, choice)).toEqual({ item: "north 2025" });
    expect(shownBy(staff, choice)).toEqual({ item: "heads north" });
    expect(shownBy(note, choice)).toEqual({ item: "note" });
  });

  it("shows nothing rather than something else", () => {
    expect(shownBy(sales, { region: "south", year: 2024 })).toEqual({
      item: undefined,
      wants: { region: "south", year: 2024 },
      nearest: variant("north 2024", { region: "north", year: 2024 }),
      would: [["region", ["north"]], ["year", [2025]]],
    });
    expect(shownBy({ id: "empty", variants: [] }, {})).toBeUndefined();
  });
});
