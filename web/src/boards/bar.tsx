// The bar above a dashboard: one widget for each parameter of all cards.

import { useMemo, useState } from "preact/hooks";

import type { FileInfo } from "../api/schema";
import { Icon } from "../parts/icon";
import { Control } from "../parts/params";
import { toast } from "../parts/toasts";
import type { Choice, Value, Widget } from "../widgets";
import type { Act } from "./acts";
import { BarSettings } from "./bar-settings";
import { barOf, isOffered, type Source } from "./choose";
import type { Dashboard } from "./model";

/** What the bar is drawn from. */
interface BarProps {
  board: Dashboard;
  widgets: Widget[];
  sources: Source<FileInfo>[];
  choice: Choice;
  /** `drags` is a step of a slider that is on its way. */
  choose: (choice: Choice, drags?: boolean) => void;
  /** A slider rests. */
  settle: () => void;
  /** Chooses what was chosen at first. */
  reset: () => void;
  /** Does something to the dashboard, where it is edited. */
  perform: ((act: Act) => void) | undefined;
}

/** The bar; nothing where no card has parameters. */
export function Bar({ board, widgets, sources, choice, choose, settle, reset, perform }: BarProps) {
  const [sets, setSets] = useState(false);
  const all = useMemo(() => barOf(sources, {}), [sources]);
  if (widgets.length === 0 && (perform === undefined || all.length === 0)) return null;
  const copy = () => {
    navigator.clipboard.writeText(location.href).then(
      () => toast("The link is copied: it shows the same on a teammate's machine."),
      () => toast("The browser does not let the link be copied; it stands in the address bar."),
    );
  };
  return (
    <div class="params card board-bar" role="group" aria-label="Parameters of all cards">
      {widgets.map((widget) => (
        <Control
          key={widget.key}
          widget={widget}
          value={choice[widget.key]}
          possible={(widget.values as Value[]).filter((value) => isOffered(sources, choice, widget.key, value))}
          choose={(value, drags) => choose({ [widget.key]: value }, drags)}
          settle={settle}
        />
      ))}
      <span class="end">
        {perform && (
          <button type="button" class="button bare" onClick={() => setSets(true)}>
            <Icon name="settings" size={16} /> Parameters
          </button>
        )}
        <button type="button" class="button bare" onClick={reset}>
          Reset
        </button>
        <button type="button" class="button bare" onClick={copy}>
          <Icon name="copy" size={16} /> Copy link
        </button>
      </span>
      {perform && sets && (
        <BarSettings board={board} widgets={all} choice={choice} perform={perform} close={() => setSets(false)} />
      )}
    </div>
  );
}
