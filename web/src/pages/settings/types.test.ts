import { expect, it } from "vitest";

import { familiesOf } from "./types";

it("gathers media types under the names that people have for them", () => {
  const types = [
    { media: "application/vnd.apache.parquet", files: 2, bytes: 500 },
    { media: "image/png", files: 3, bytes: 400 },
    { media: "text/csv; charset=utf-8", files: 1, bytes: 100 },
    { media: "application/x-unheard-of", files: 1, bytes: 700 },
  ];
  const families = familiesOf({ types, other_bytes: 9000, more: false });
  expect(families.map(({ name, files, bytes }) => [name, files, bytes])).toEqual([
    ["Other files", 1, 700],
    ["Tables", 3, 600],
    ["Pictures", 3, 400],
    ["Lists, lineage and large folders", undefined, 9000],
  ]);
  expect(families[1]?.media).toEqual(["application/vnd.apache.parquet", "text/csv; charset=utf-8"]);
  expect(familiesOf({ types: [], other_bytes: 0, more: false })).toEqual([]);
});
