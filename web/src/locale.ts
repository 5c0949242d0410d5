// In which language and time zone times are written, as it was chosen on this browser. The words of
// the pages are English.

import { computed, effect, signal } from "@preact/signals";

import { keep, kept } from "./stored";

const LANGUAGE = "dsp-language";
const ZONE = "dsp-zone";

/** English as it is written where days come before months. */
export const ENGLISH = "en-GB";

/** Languages that are offered, where the browser knows them. */
const LANGUAGES = [
  ENGLISH, "en-US", "cs", "da", "de", "el", "es", "fi", "fr", "hu", "id", "it", "ja", "ko", "nb", "nl", "pl", "pt-BR", "pt-PT",
  "ro", "sv", "tr", "uk", "vi", "zh-CN", "zh-TW",
];

/** The language of times, as a tag; empty for that of the browser. */
export const language = signal(kept(LANGUAGE, (value) => (isLanguage(value) ? value : undefined)) ?? ENGLISH);
/** The time zone, by its name; empty for that of the system. */
export const zone = signal(kept(ZONE, (value) => (isZone(value) ? value : undefined)) ?? "");

effect(() => keep(LANGUAGE, language.value));
effect(() => keep(ZONE, zone.value));

/** The tag of the language of times. */
export const tag = computed(() => language.value || (typeof navigator === "undefined" ? ENGLISH : navigator.language || ENGLISH));

/** Returns the languages that can be chosen, each by its name in itself. */
export function languages(): [tag: string, name: string][] {
  return Intl.DateTimeFormat.supportedLocalesOf(LANGUAGES).map((one) => [one, new Intl.DisplayNames([one], { type: "language" }).of(one) ?? one]);
}

/** Returns the time zones that can be chosen. */
export function zones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((one) => one !== "UTC")];
}

/** The time zone of the system. */
export function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function isLanguage(value: unknown): value is string {
  return value === "" || (typeof value === "string" && LANGUAGES.includes(value));
}

function isZone(value: unknown): value is string {
  if (typeof value !== "string") return false;
  try {
    return value === "" || new Intl.DateTimeFormat(ENGLISH, { timeZone: value }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
