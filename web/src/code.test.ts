import { expect, it } from "vitest";

import { bringsCode } from "./code";

const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

it("finds the code of a figure however it is written", () => {
  expect(bringsCode(bytes('{"name":"CustomJS"}'))).toBe(true);
  expect(bringsCode(bytes('{"name":"Custom\\u004aS"}'))).toBe(true);
  expect(bringsCode(bytes('{"name":"Figure"}'))).toBe(false);
  expect(bringsCode(bytes("no JSON"))).toBe(true);
});
