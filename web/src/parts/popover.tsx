// What opens over a page below the button that names it, and closes when one goes elsewhere.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

/** Room for what a button with `popovertarget` shows; what is in it is drawn while it is open. */
export function Popover({ id, children }: { id: string; children: (close: () => void) => ComponentChildren }) {
  const [open, show] = useState(false);
  const popover = useRef<HTMLDivElement>(null);
  return (
    <div
      id={id}
      class="popover"
      popover="auto"
      ref={popover}
      onToggle={(event) => show((event as ToggleEvent).newState === "open")}
    >
      {open && children(() => popover.current?.hidePopover())}
    </div>
  );
}
