import { effect, signal } from "@preact/signals";

/** A choice of colours; `auto` follows the system. */
export type Theme = "auto" | "light" | "dark";

const KEY = "dsp-theme";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

/** What was chosen on this browser. */
export const theme = signal<Theme>(stored());

const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", () => {
  systemDark.value = system.matches;
});

/** Tells whether the page is dark. */
export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "auto" && systemDark.value);
}

effect(() => {
  const root = document.documentElement;
  if (theme.value === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A browser that stores nothing forgets the choice, and nothing else.
  }
});

function stored(): Theme {
  try {
    return THEMES.find((one) => one === localStorage.getItem(KEY)) ?? "auto";
  } catch {
    return "auto";
  }
}
