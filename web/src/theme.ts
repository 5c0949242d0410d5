// How the pages look, as it was chosen on this browser.

import { effect, type Signal, signal } from "@preact/signals";

/** A choice of colours; `auto` follows the system. */
export type Theme = "auto" | "light" | "dark";

/** What was chosen on this browser. */
export const theme = kept<Theme>("dsp-theme", ["auto", "light", "dark"], "theme");
/** How strong colours stand out; `auto` follows the system. */
export const contrast = kept<"auto" | "more">("dsp-contrast", ["auto", "more"], "contrast");
/** How much room there is between things. */
export const density = kept<"auto" | "compact">("dsp-density", ["auto", "compact"], "density");
/** Whether things move; `auto` follows the system. */
export const motion = kept<"auto" | "less">("dsp-motion", ["auto", "less"], "motion");

const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", () => {
  systemDark.value = system.matches;
});

/** Tells whether the page is dark. */
export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "auto" && systemDark.value);
}

/** A choice that is kept on this browser and stands at the root of the page; the first is the usual one. */
function kept<T extends string>(key: string, values: readonly [T, ...T[]], name: string): Signal<T> {
  const chosen = signal<T>(stored(key, values));
  effect(() => {
    const root = document.documentElement;
    if (chosen.value === values[0]) delete root.dataset[name];
    else root.dataset[name] = chosen.value;
    try {
      localStorage.setItem(key, chosen.value);
    } catch {
      // A browser that stores nothing forgets the choice, and nothing else.
    }
  });
  return chosen;
}

function stored<T extends string>(key: string, values: readonly [T, ...T[]]): T {
  try {
    return values.find((one) => one === localStorage.getItem(key)) ?? values[0];
  } catch {
    return values[0];
  }
}
