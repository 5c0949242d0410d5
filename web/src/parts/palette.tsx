// Everything by its name: Ctrl-K. It is loaded when it is opened first.

import "../styles/palette.css";

import { useLocation } from "preact-iso";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { act } from "../acts";
import { best } from "../fuzzy";
import { plain, short } from "../format";
import { useQuery } from "../live/query";
import { read } from "../notifications";
import { listPeers } from "../people";
import { stackPath } from "../ref";
import { listContexts, listStacks, placeOf } from "../stacks";
import { isDark, theme } from "../theme";
import { pause } from "../transfers";
import { Icon, type IconName } from "./icon";

/** Most that are shown. */
const MOST = 12;

/** Something that can be chosen. */
interface Entry {
  kind: string;
  name: string;
  about: string;
  icon: IconName;
  run: () => void;
}

/** The palette, as long as it is drawn. */
export function Palette({ close, shortcuts }: { close: () => void; shortcuts: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { route } = useLocation();
  const [part, type] = useState("");
  const [at, move] = useState(0);
  const stacks = useQuery("palette stacks", () => listStacks(""));
  const contexts = useQuery("palette contexts", listContexts);
  const peers = useQuery("palette peers", listPeers);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const all = useMemo<Entry[]>(() => {
    const go = (path: string) => () => route(path);
    const page = (name: string, path: string, icon: IconName): Entry => ({ kind: "page", name, about: path, icon, run: go(path) });
    return [
      page("Home", "/", "home"),
      page("Stacks", "/stacks", "stacks"),
      page("Dashboards", "/dashboards", "dashboards"),
      page("New dashboard", "/dashboards/new", "plus"),
      page("Activity", "/activity", "clock"),
      page("Search everything", "/search", "search"),
      page("First steps", "/welcome", "check"),
      page("Peers", "/peers", "peers"),
      page("Invite somebody", "/peers/invite", "plus"),
      page("Transfers", "/transfers", "transfers"),
      page("Notifications", "/notifications", "bell"),
      page("Follow by ticket", "/join", "plus"),
      ...["Identity", "Tokens", "Network", "Storage", "Notifications", "Appearance", "About"].map((name) =>
        page(`Settings: ${name === "Tokens" ? "Tokens and browsers" : name}`, `/settings/${name.toLowerCase()}`, "settings"),
      ),
      { kind: "act", name: isDark() ? "Use light colours" : "Use dark colours", about: "", icon: isDark() ? "light" : "dark", run: () => { theme.value = isDark() ? "light" : "dark"; } },
      { kind: "act", name: "Pause all transfers", about: "", icon: "pause", run: () => void pause(true) },
      { kind: "act", name: "Resume all transfers", about: "", icon: "play", run: () => void pause(false) },
      { kind: "act", name: "Mark all notifications as read", about: "", icon: "check", run: () => void act(read(), "All is read") },
      { kind: "act", name: "Keyboard shortcuts", about: "?", icon: "text", run: shortcuts },
      ...(contexts.data ?? []).map<Entry>((context) => ({
        kind: "context", name: plain(context.label), about: plain(context.about), icon: "lock", run: go(`/c/${context.id}`),
      })),
      ...(peers.data ?? []).map<Entry>((peer) => ({
        kind: "peer", name: plain(peer.name), about: short(peer.user), icon: "peers", run: go(`/peers/${peer.user}`),
      })),
      ...(stacks.data ?? []).map<Entry>((one) => ({
        kind: "stack", name: plain(one.stack.name), about: plain(one.context?.label ?? ""), icon: "stacks", run: go(stackPath(placeOf(one))),
      })),
    ];
  }, [stacks.data, contexts.data, peers.data]);
  const shown = useMemo(() => best(part, all, ({ name }) => name, MOST), [part, all]);
  const chosen = Math.min(at, shown.length - 1);
  const choose = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    dialog.current?.close();
    entry.run();
  };
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && shown.length > 0) {
      event.preventDefault();
      move((chosen + step + shown.length) % shown.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(shown[chosen]);
    }
  };
  useEffect(() => {
    document.getElementById(`palette-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <dialog
      ref={dialog}
      class="dialog palette"
      aria-label="Go to or do"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="palette-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Find a page, stack, context, peer or act"
          aria-expanded="true"
          aria-controls="palette"
          aria-autocomplete="list"
          aria-activedescendant={shown.length > 0 ? `palette-${chosen}` : undefined}
          placeholder="Go to or do …"
          autocomplete="off"
          spellcheck={false}
          autofocus
          value={part}
          onInput={(event) => {
            type(event.currentTarget.value);
            move(0);
          }}
          onKeyDown={pressed}
        />
        <kbd aria-hidden="true">esc</kbd>
      </div>
      <div id="palette" role="listbox" aria-label="What fits">
        {shown.map((entry, index) => (
          // The field keeps the focus and moves through these with the arrow keys.
          <div
            key={`${entry.kind} ${entry.name} ${entry.about}`}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            class="palette-entry"
            onMouseMove={() => index !== at && move(index)}
            onClick={() => choose(entry)}
            onKeyDown={pressed}
          >
            <Icon name={entry.icon} size={16} />
            <span class="grow cut">
              {entry.name} <span class="muted">{entry.kind !== "page" && entry.about}</span>
            </span>
            <span class="badge">{entry.kind}</span>
          </div>
        ))}
      </div>
      {shown.length === 0 && <p class="palette-none muted">Nothing fits “{part}”.</p>}
      <p class="visually-hidden" role="status">
        {shown.length === 0 ? "nothing fits" : `${shown.length} fit`}
      </p>
    </dialog>
  );
}
