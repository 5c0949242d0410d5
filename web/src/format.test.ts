import { afterEach, describe, expect, it } from "vitest";

import { ago, bytesOf, count, dayOf, moment, plain, size, unturned } from "./format";
import { ENGLISH, language, languages, zone, zones } from "./locale";

describe("size", () => {
  it("takes the largest unit of which there is one", () => {
    expect([0, 999, 1000, 1440, 99_950, 999_499, 999_500, 5e9].map(size)).toEqual([
      "0 B", "999 B", "1.0 kB", "1.4 kB", "100 kB", "999 kB", "1.0 MB", "5.0 GB",
    ]);
  });
});

describe("ago", () => {
  const now = new Date("2026-11-22T12:00:00Z");
  const before = (seconds: number) => ago(new Date(now.getTime() - seconds * 1000), now);
  it("rounds down to the unit that fits", () => {
    expect([0, 59, 60, 3599, 7200, 90_000, 86_400 * 8, 86_400 * 400].map(before)).toEqual([
      "now", "59 seconds ago", "1 minute ago", "59 minutes ago", "2 hours ago", "1 day ago",
      "1 week ago", "1 year ago",
    ]);
  });
  it("tells what lies ahead", () => {
    expect(before(-7200)).toBe("in 2 hours");
  });
});

describe("count", () => {
  it("knows one from many", () => {
    expect([count(1, "frame"), count(0, "frame"), count(1200, "frame")]).toEqual([
      "1 frame", "0 frames", "1,200 frames",
    ]);
  });
});

describe("plain", () => {
  it("shows what turns text around", () => {
    expect(plain("report\u202efdp.exe")).toBe("report⟨202e⟩fdp.exe");
    expect(unturned("if a:\r\n\u2066# b")).toBe("if a:\r\n⟨2066⟩# b");
  });
});

describe("a size that somebody types", () => {
  it.each([["50 MB", 50e6], ["1.5g", 1.5e9], ["4096", 4096], ["64KiB", 65536], ["0 B", 0]])("reads %s", (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes);
  });
  it.each(["", "MB", "-1", "1 x", "1e9"])("does not read %j", (text) => {
    expect(bytesOf(text)).toBeNull();
  });
});

it("names days as one says them", () => {
  const now = new Date(2026, 10, 22, 9);
  const said = [new Date(2026, 10, 22, 23), new Date(2026, 10, 21, 23, 59), new Date(2026, 10, 2), new Date(2025, 0, 1)];
  expect(said.map((day) => dayOf(day, now))).toEqual(["Today", "Yesterday", "Monday 2 November", "1 January 2025"]);
});

describe("the language and the time zone of times", () => {
  const time = new Date("2026-11-22T23:30:00Z");
  afterEach(() => {
    language.value = ENGLISH;
    zone.value = "";
  });

  it("are those that were chosen", () => {
    zone.value = "UTC";
    expect(moment(time)).toBe("22 Nov 2026, 23:30:00");
    zone.value = "Asia/Tokyo";
    expect(moment(time)).toBe("23 Nov 2026, 08:30:00");
    language.value = "de";
    expect(moment(time)).toContain("23.11.2026");
    expect(ago(time, new Date(time.getTime() + 120_000))).toBe("vor 2 Minuten");
  });

  it("say on which day it was", () => {
    const now = new Date("2026-11-23T01:00:00Z");
    zone.value = "UTC";
    expect(dayOf(time, now)).toBe("Yesterday");
    zone.value = "Asia/Tokyo";
    expect(dayOf(time, now)).toBe("Today");
    language.value = "fr";
    expect(dayOf(time, now)).toBe("Aujourd’hui");
  });

  it("can be chosen among many", () => {
    expect(languages().map(([tag]) => tag)).toContain("de");
    expect(zones()[0]).toBe("UTC");
    expect(zones()).toContain("Europe/Berlin");
  });
});
