// Keys that work on every page: the palette, the search, jumps, and the list of them all.

import { useLocation } from "preact-iso";
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Dialog } from "./dialog";

/** How long the second key of a jump is waited for, in milliseconds. */
const SECOND = 1200;

const JUMPS: Record<string, [path: string, label: string]> = {
  h: ["/", "Home"],
  s: ["/stacks", "Stacks"],
  d: ["/dashboards", "Dashboards"],
  a: ["/activity", "Activity"],
  p: ["/peers", "Peers"],
  t: ["/transfers", "Transfers"],
  n: ["/notifications", "Notifications"],
  ",": ["/settings", "Settings"],
};

type PaletteType = FunctionComponent<{ close: () => void; shortcuts: () => void }>;

/** Opens the palette from elsewhere, such as a button. */
export const OPEN_PALETTE = "dsp-palette";

/** Listens for the keys, and draws what they open. */
export function Keys() {
  const { route } = useLocation();
  const [open, show] = useState<"palette" | "shortcuts">();
  const [Palette, load] = useState<PaletteType>();
  const palette = () => {
    void import("./palette").then(({ Palette: loaded }) => load(() => loaded));
    show("palette");
  };
  useEffect(() => {
    let jumps = 0;
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        if (document.querySelector("dialog[open]") === null) palette();
        return;
      }
      const writes = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
      if (writes || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "?") {
        event.preventDefault();
        show("shortcuts");
      } else if (event.key === "g") {
        jumps = event.timeStamp;
      } else if (event.timeStamp - jumps < SECOND && jumps > 0) {
        jumps = 0;
        const jump = JUMPS[event.key];
        if (jump === undefined) return;
        event.preventDefault();
        route(jump[0]);
      }
    };
    addEventListener("keydown", pressed);
    addEventListener(OPEN_PALETTE, palette);
    return () => {
      removeEventListener("keydown", pressed);
      removeEventListener(OPEN_PALETTE, palette);
    };
  }, [route]);
  const close = () => show(undefined);
  if (open === "palette" && Palette) return <Palette close={close} shortcuts={() => setTimeout(() => show("shortcuts"))} />;
  return open === "shortcuts" ? <Shortcuts close={close} /> : null;
}

function Shortcuts({ close }: { close: () => void }) {
  const keys: [keys: string[], does: string][] = [
    [["Ctrl", "K"], "Go to anything, or do something"],
    [["/"], "Search"],
    [["?"], "These shortcuts"],
    ...Object.entries(JUMPS).map(([key, [, label]]): [string[], string] => [["g", key], `Go to ${label}`]),
    [["Esc"], "Close what is open"],
  ];
  return (
    <Dialog title="Keyboard shortcuts" close={close}>
      <dl class="shortcuts">
        {keys.map(([parts, does]) => (
          <div key={does}>
            <dt>
              {parts.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
