import { describe, expect, it } from "vitest";

import { hitIn, says } from "./said";

describe("texts", () => {
  it("hold every word, in any order and case, and together", () => {
    expect(says("Weight of", ["a line of", "weights"])).toBe(true);
    expect(says("weight island", ["weights", null, undefined])).toBe(false);
    expect(says(" ", ["anything"])).toBe(false);
  });

  it("are shown around what was found", () => {
    expect(hitIn("a short one", "short")).toBe("a short one");
    const long = `${"before ".repeat(30)}needle${" after".repeat(60)}`;
    expect(hitIn(long, "needle")).toMatch(/^… .*needle.* …$/);
    expect(hitIn(long, "needle").length).toBeLessThan(200);
  });
});
