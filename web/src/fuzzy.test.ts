import { describe, expect, it } from "vitest";

import { best, fit } from "./fuzzy";

describe("what is found by a few letters", () => {
  const names = ["sales/weekly", "plots/one", "seasonal/wave", "models/churn", "weekly notes"];
  const found = (part: string) => best(part, names, (name) => name, 3);

  it("has all letters in order", () => {
    expect(fit("swy", "sales/weekly")).toBeDefined();
    expect(fit("yws", "sales/weekly")).toBeUndefined();
  });
  it("is better where words begin so", () => {
    expect(found("sw")[0]).toBe("sales/weekly");
    expect(found("weekly")[0]).toBe("weekly notes");
    expect(found("churn")).toEqual(["models/churn"]);
  });
  it("is in its order where nothing is asked for", () => {
    expect(found("  ")).toEqual(names.slice(0, 3));
  });
});
