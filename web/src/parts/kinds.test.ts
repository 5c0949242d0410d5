import { describe, expect, it } from "vitest";

import { kindOf } from "./kinds";

const kind = (media: string, path = "x", size = 10) => kindOf({ media, path, size });

describe("the view of an attachment", () => {
  it("follows its media type", () => {
    expect(kind("image/svg+xml")).toBe("image");
    expect(kind("text/csv; charset=utf-8")).toBe("table");
    expect(kind("application/vnd.apache.parquet")).toBe("table");
    expect(kind("text/markdown")).toBe("markdown");
    expect(kind("application/json")).toBe("text");
  });

  it("follows the ending where the media type says nothing", () => {
    expect(kind("application/octet-stream", "a/b.PARQUET")).toBe("table");
    expect(kind("application/octet-stream", "model.bin")).toBe("other");
  });

  it("is never one that would run what is in it", () => {
    expect(kind("text/html", "page.html")).toBe("other");
    expect(kind("application/pdf", "x.md")).toBe("other");
  });

  it("is no text where it is too large to be read", () => {
    expect(kind("text/plain", "x.txt", 3_000_000)).toBe("other");
  });
});
