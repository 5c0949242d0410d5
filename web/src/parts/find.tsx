import type { ComponentChildren } from "preact";

import { Icon } from "./icon";

/** Dresses a field that searches: a glass before it, and the key that leads to it. */
export function Find({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <label class="find">
      <span class="visually-hidden">{label}</span>
      <Icon name="search" size={16} />
      {children}
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}
