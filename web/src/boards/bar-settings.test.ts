import { expect, it } from "vitest";

import { setting } from "./bar-settings";

it("says one thing of a parameter and leaves the others", () => {
  const board = { params: { year: { value: 2025, label: "Year" } } };
  expect(setting(board, "year", { hidden: true })).toEqual({
    act: "param", key: "year", setting: { value: 2025, label: "Year", hidden: true },
  });
  expect(setting(board, "year", { label: undefined })).toEqual({ act: "param", key: "year", setting: { value: 2025 } });
  expect(setting(board, "region", { label: undefined })).toEqual({ act: "param", key: "region", setting: null });
  // What an author leaves out may be shown all the same.
  const said = { params: { region: { hidden: false } } };
  expect(setting(said, "region", { value: undefined })).toEqual({ act: "param", key: "region", setting: { hidden: false } });
  expect(setting(said, "region", { hidden: undefined })).toEqual({ act: "param", key: "region", setting: null });
});
