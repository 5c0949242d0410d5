import { describe, expect, it } from "vitest";

import { readNotebook } from "./notebook-file";

const outputs = (...list: object[]) => {
  const read = readNotebook(JSON.stringify({ cells: [{ cell_type: "code", source: ["a\n", "b"], outputs: list }] }));
  const cell = read?.cells[0];
  return cell?.kind === "code" ? cell.outputs : undefined;
};

describe("a notebook", () => {
  it("shows the form of an output that shows most", () => {
    const data = { "text/plain": "x", "text/html": "<b>x</b>", "application/vnd.plotly.v1+json": { data: [] } };
    expect(outputs({ output_type: "display_data", data })).toEqual([{ kind: "plotly", text: '{"data":[]}' }]);
    expect(outputs({ output_type: "execute_result", data: { "text/plain": "x", "text/html": ["<b>", "x"] } })).toEqual([
      { kind: "html", text: "<b>x" },
    ]);
    expect(outputs({ output_type: "execute_result", data: { "text/plain": "x" } })).toEqual([
      { kind: "text", text: "x", failed: false },
    ]);
  });

  it("never takes a picture for something else", () => {
    const data = { "image/svg+xml": "<svg onload=alert(1)>ü</svg>" };
    const [picture] = outputs({ output_type: "display_data", data }) ?? [];
    expect(picture).toMatchObject({ kind: "image", media: "image/svg+xml" });
    expect(outputs({ output_type: "display_data", data: { "image/x-evil": "x" } })).toEqual([]);
  });

  it("may be anything", () => {
    for (const text of ["", "x", "[]", "{}", '{"cells": 1}']) expect(readNotebook(text)).toBeUndefined();
    const odd = { cells: [null, 1, { cell_type: "markdown", source: 3 }, { outputs: [null, { data: null }, { output_type: "error" }] }] };
    expect(readNotebook(JSON.stringify(odd))?.cells.length).toBe(4);
  });
});
