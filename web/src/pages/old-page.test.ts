import { describe, expect, it } from "vitest";

import { readOldPath } from "../ref";

describe("an address of dstack", () => {
  it("names a user and a stack", () => {
    expect(readOldPath("/alice/sales/weekly")).toEqual({ user: "alice", stack: "sales/weekly" });
    expect(readOldPath("/alice/sales")).toEqual({ user: "alice", stack: "sales" });
  });

  it("is no other address", () => {
    for (const path of ["/alice", "/al/sales", "/api/v1/node", "/alice/a--b", "/alice/x", "/alice//sales", "/a.b/sales"]) {
      expect(readOldPath(path)).toBeUndefined();
    }
  });
});
