// The bar above a dashboard: one widget for each parameter of all cards.

import type { FileInfo } from "../api/schema";
import { Icon } from "../parts/icon";
import { Control } from "../parts/params";
import { toast } from "../parts/toasts";
import type { Choice, Value, Widget } from "../widgets";
import { isOffered, type Source } from "./choose";
import type { Dashboard } from "./model";

/** The address is replaced by every choice, so nothing is left to do when a slider rests. */
const settled = () => {};

/** What the bar is drawn from. */
interface BarProps {
  board: Dashboard;
  widgets: Widget[];
  sources: Source<FileInfo>[];
  choice: Choice;
  choose: (choice: Choice) => void;
  /** Chooses what was chosen at first. */
  reset: () => void;
}

/** The bar; nothing where no card has parameters. */
export function Bar({ board, widgets, sources, choice, choose, reset }: BarProps) {
  if (widgets.length === 0) return null;
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
          widget={{ ...widget, key: board.params[widget.key]?.label ?? widget.key }}
          value={choice[widget.key]}
          possible={(widget.values as Value[]).filter((value) => isOffered(sources, choice, widget.key, value))}
          choose={(value) => choose({ [widget.key]: value })}
          settle={settled}
        />
      ))}
      <span class="end">
        <button type="button" class="button bare" onClick={reset}>
          Reset
        </button>
        <button type="button" class="button bare" onClick={copy}>
          <Icon name="copy" size={16} /> Copy link
        </button>
      </span>
    </div>
  );
}
