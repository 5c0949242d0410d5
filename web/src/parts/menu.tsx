// What is done rarely, behind one button.

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

import { Icon, type IconName } from "./icon";

/** How far a menu is from its button, in pixels. */
const GAP = 4;

/** A button that opens a menu below it; arrows move in it, Escape closes it. */
export function Menu({ label, bare, children }: { label: string; bare?: true; children: ComponentChildren }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const items = () => [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const place = (event: ToggleEvent) => {
    const from = button.current?.getBoundingClientRect();
    const shown = menu.current;
    if (from === undefined || shown === null) return;
    button.current?.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState !== "open") return;
    const { width, height } = shown.getBoundingClientRect();
    const below = from.bottom + GAP + height <= innerHeight;
    shown.style.left = `${Math.max(GAP, Math.min(from.right - width, innerWidth - width - GAP))}px`;
    shown.style.top = `${below ? from.bottom + GAP : Math.max(GAP, from.top - GAP - height)}px`;
    items()[0]?.focus();
  };
  const pressed = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") menu.current?.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        class={`button icon ${bare ? "bare" : ""}`}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded="false"
        popovertarget={id}
      >
        <Icon name="more" size={16} />
      </button>
      {/* Keys move the focus among the items, which are what is pressed. */}
      <div
        id={id}
        ref={menu}
        class="more-menu"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        popover="auto"
        onToggle={(event) => place(event as ToggleEvent)}
        onKeyDown={pressed}
        onClick={() => menu.current?.hidePopover()}
      >
        {children}
      </div>
    </>
  );
}

/** One thing of a menu. */
export function MenuItem(props: { icon: IconName; bad?: true; does: () => void; children: ComponentChildren }) {
  return (
    <button type="button" role="menuitem" tabIndex={-1} class={props.bad ? "bad" : ""} onClick={props.does}>
      <Icon name={props.icon} size={16} /> {props.children}
    </button>
  );
}
