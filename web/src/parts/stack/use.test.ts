import { describe, expect, it } from "vitest";

import type { FileInfo, FrameInfo } from "../../api/schema";
import { codeFor, type Wants } from "./use";

const frame = { id: "3fa9".repeat(16), files_total: 2, stack: { reference: "sales/weekly", name: "sales/weekly", user: "u1" } };
const file = { path: "a b.csv" } as FileInfo;
const code = (more: Partial<Wants>) => {
  const wants = { place: { user: "u1", context: "main", name: "sales/weekly" }, file, choice: {}, exact: false, address: "http://h" };
  const ways = codeFor({ ...wants, frame: frame as unknown as FrameInfo, ...more });
  return Object.fromEntries(ways.map(({ name, code }) => [name, code]));
};

describe("code to use a stack", () => {
  it("names the attachment, in the way of each language", () => {
    const ways = code({});
    expect(ways.Python).toContain('dsp.pull("sales/weekly#a b.csv")');
    expect(ways["Command line"]).toBe("dsp get 'sales/weekly#a b.csv'");
    expect(ways["dsp://"]).toBe("dsp://u1/main/sales/weekly?rev=head&path=a%20b.csv");
    expect(ways.curl).toContain("--data-urlencode 'ref=sales/weekly#a b.csv' http://h/api/v1/content -o 'a b.csv'");
  });

  it("has the parameters that are chosen, and the very frame where that is meant", () => {
    const ways = code({ choice: { "two words": true, c: 0.5, t: 'a"b' }, exact: true });
    expect(ways.Python).toContain('"sales/weekly@3fa93fa9", params={"two words": True, "c": 0.5, "t": "a\\"b"})');
    expect(ways.R).toContain('params = list(`two words` = TRUE, c = 0.5, t = "a\\"b")');
    expect(ways["dsp://"]).toContain(`?rev=${frame.id}&`);
  });
});
