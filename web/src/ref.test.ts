import { describe, expect, it } from "vitest";

import { readStackPath, reference, type StackPlace, stackPath } from "./ref";

const places: StackPlace[] = [
  { user: "me", context: "main", name: "weekly" },
  { user: "a".repeat(64), context: "Größe & mehr", name: "sales/weekly", rev: "head~2" },
  { user: "alice", context: "main", name: "sales/2026 #1?", rev: "v1/final" },
];

describe("addresses of stacks", () => {
  it("say what they were made of", () => {
    for (const place of places) {
      const path = stackPath(place);
      expect(path).not.toMatch(/[#?]/);
      expect(readStackPath(path.slice("/s/".length))).toEqual(place);
    }
  });

  it("are refused where they name no stack", () => {
    for (const rest of ["", "me", "me/main", "me/main/", "me//x", "me/main/@v1", "me/main/%zz"]) {
      expect(readStackPath(rest), rest).toBeUndefined();
    }
  });

  it("leave out a revision that is empty", () => {
    expect(readStackPath("me/main/weekly@")).toEqual({ user: "me", context: "main", name: "weekly" });
  });
});

describe("references", () => {
  it("are written as the command line takes them", () => {
    expect(reference({ user: "me", context: "main", name: "sales/weekly", rev: "v1" }, "a/b.csv"))
      .toBe("me/main:sales/weekly@v1#a/b.csv");
  });
});
