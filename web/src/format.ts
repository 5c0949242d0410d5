// Sizes, times and names as people read them.

import { computed } from "@preact/signals";

import { tag, zone } from "./locale";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Returns bytes in the largest unit of which there is one at least: `1.4 MB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What would round up to a thousand is one of the next.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Returns a time on the way there and back: `0.4 ms`, `12 ms`. */
export function milliseconds(time: number): string {
  return `${time < 0.1 ? "< 0.1" : time < 9.95 ? time.toFixed(1) : time.toFixed(0)} ms`;
}

/** Returns the bytes that somebody means with `50 MB`, `1.5g` or `4096`; null where it is no size. */
export function bytesOf(text: string): number | null {
  const found = text.trim().match(/^(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?$/i);
  if (found === null) return null;
  const [, digits = "", unit = "", binary] = found;
  const step = binary === "" ? 1000 : 1024;
  return Math.round(Number(digits) * step ** " kmgtp".indexOf(unit.toLowerCase() || " "));
}

/** Returns a count with its word: `1 frame`, `12 frames`. */
export function count(number: number, word: string): string {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

const STEPS: [seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [3600, "minute"],
  [86_400, "hour"],
  [7 * 86_400, "day"],
  [30 * 86_400, "week"],
  [365 * 86_400, "month"],
  [Infinity, "year"],
];
/** What writes times, in the language and time zone that were chosen. */
const writers = computed(() => {
  const timeZone = zone.value === "" ? {} : { timeZone: zone.value };
  const times = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tag.value, { ...options, ...timeZone });
  return {
    relative: new Intl.RelativeTimeFormat(tag.value, { numeric: "always", style: "long" }),
    near: new Intl.RelativeTimeFormat(tag.value, { numeric: "auto" }),
    exact: times({ dateStyle: "medium", timeStyle: "medium" }),
    weekday: times({ weekday: "long", day: "numeric", month: "long" }),
    date: times({ dateStyle: "long" }),
    // Year, month and day as numbers, whatever the language.
    day: new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", ...timeZone }),
  };
});

/** Returns how long ago a time was, or how far off it is: `3 minutes ago`. */
export function ago(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  const away = Math.abs(seconds);
  const { near, relative } = writers.value;
  if (away < 10) return near.format(0, "second");
  let least = 1;
  for (const [below, unit] of STEPS) {
    if (away < below) return relative.format(Math.trunc(seconds / least), unit);
    least = below;
  }
  return time.toISOString();
}

/** Returns a time of the user's clock in full: `22 Nov 2026, 13:04:05`. */
export function moment(time: Date): string {
  return writers.value.exact.format(time);
}

/** Returns the first eight digits of an id. */
export function short(id: string): string {
  return id.slice(0, 8);
}

/** Marks that change the direction of text, and letters that show nothing. */
const INVISIBLE = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

/** Marks that change the direction of text. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Returns code that somebody else wrote, with what would turn it around made visible. */
export function unturned(code: string): string {
  return code.replace(TURNING, marked);
}

const marked = (mark: string) => `\u27e8${mark.charCodeAt(0).toString(16)}\u27e9`;

/** Returns text that somebody else wrote, with what would mislead the eye made visible. */
export function plain(text: string): string {
  return text.replace(INVISIBLE, marked);
}

/** Returns the day of a time as one says it now: `Today`, `Yesterday`, `Monday 2 November`. */
export function dayOf(time: Date, now: Date): string {
  const { day, near, weekday, date } = writers.value;
  const midnight = (of: Date) => Date.parse(`${day.format(of)}T00:00:00Z`);
  const days = Math.max(0, Math.round((midnight(now) - midnight(time)) / 86_400_000));
  if (days <= 1) return upper(near.format(-days, "day"));
  return day.format(time).slice(0, 4) === day.format(now).slice(0, 4) ? weekday.format(time) : date.format(time);
}

function upper(text: string): string {
  return text.slice(0, 1).toLocaleUpperCase(tag.value) + text.slice(1);
}
