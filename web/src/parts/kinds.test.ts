import { describe, expect, it } from "vitest";

import { kindOf } from "./kinds";

const kind = (media: string, path = "x", size = 10) => kindOf({ media, path, size });

describe("the view of an attachment", () => {
  it("follows its media type", () => {
    expect(kind("image/svg+xml")).toBe("image");
    expect(kind("text/csv; charset=utf-8")).toBe("table");
    expect(kind("application/vnd.apache.parquet")).toBe("table");
    expect(kind("text/markdown")).toBe("markdown");
    expect(kind("application/json")).toBe("json");
    expect(kind("application/vnd.vegalite+json")).toBe("vega");
    expect(kind("application/vnd.vegalite.v6+json")).toBe("vega");
    expect(kind("application/vnd.plotly.v1+json")).toBe("plotly");
    expect(kind("application/x-ipynb+json")).toBe("notebook");
    expect(kind("application/x-python-pickle")).toBe("model");
  });

  it("follows what its author made it with, where it is JSON", () => {
    const made = (app: string, media = "application/json") => kindOf({ media, path: "x", size: 10, app });
    expect(made("plotly")).toBe("plotly");
    expect(made("bokeh")).toBe("bokeh");
    expect(made("other")).toBe("json");
    expect(made("bokeh", "text/plain")).toBe("text");
  });

  it("follows the ending where the media type says nothing", () => {
    expect(kind("application/octet-stream", "a/b.PARQUET")).toBe("table");
    expect(kind("application/octet-stream", "model.bin")).toBe("other");
  });

  it("of what could run is a frame, whatever the ending says", () => {
    expect(kind("text/html", "page.md")).toBe("html");
    expect(kind("application/pdf", "x.md")).toBe("pdf");
    expect(kind("application/xhtml+xml", "x.html")).toBe("other");
  });

  it("is that of a text, or none, where it is too large to be drawn", () => {
    expect(kind("text/markdown", "x.md", 3_000_000)).toBe("text");
    expect(kind("application/vnd.plotly.v1+json", "x", 200_000_000)).toBe("other");
  });
});
