import { expect, test } from "vitest";

import { madeWith } from "./made";

test("a frame says which programs made it, in one order", () => {
  const settings = {
    libraries: { pandas: "2.2.3", arrow: "21.0" },
    python: "3.12.3",
    client: { client: "dsp-py", version: "0.1.0" },
  };
  expect(madeWith(settings)).toEqual([["Client", "dsp-py 0.1.0"], ["Python", "3.12.3"], ["arrow", "21.0"], ["pandas", "2.2.3"]]);
  expect(madeWith({ client: { client: "dsp-r", version: "0.1.0" }, r: "4.5.0", libraries: {} })).toEqual([
    ["Client", "dsp-r 0.1.0"],
    ["R", "4.5.0"],
  ]);
});

test("what clients of dstack say is understood", () => {
  const six = { python: { major: 3, minor: 8, micro: 5, serial: 0 }, client: { client: "dstack-py", version: "0.6.5" }, os: {} };
  expect(madeWith(six)).toEqual([["Client", "dstack-py 0.6.5"], ["Python", "3.8.5"]]);
  expect(madeWith({ python: "3.7.9 (default, Aug 31 2020) [GCC 7.3.0]" })).toEqual([["Python", "3.7.9"]]);
});

test("of anything else nothing is made, and of much not all", () => {
  expect(madeWith(undefined)).toEqual([]);
  expect(madeWith({ client: "x", python: 3, r: [4], libraries: ["pandas"] })).toEqual([]);
  const libraries = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`library${at}`, "1"]));
  expect(madeWith({ libraries })).toHaveLength(24);
});
