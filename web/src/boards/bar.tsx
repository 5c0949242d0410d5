// The bar above a dashboard: one widget for each parameter of all cards.

import { signal } from "@preact/signals";
import { useId, useMemo, useState } from "preact/hooks";

import type { FileInfo } from "../api/schema";
import { Icon } from "../parts/icon";
import { Control } from "../parts/params";
import { plain } from "../format";
import { keep, kept } from "../stored";
import { called, type Choice, type Value, type Widget } from "../widgets";
import type { Act } from "./acts";
import { BarSettings } from "./bar-settings";
import { everyWidget, isOffered, type Source } from "./choose";
import { copyAddress } from "../parts/link";
import type { Dashboard } from "./model";

const KEY = "dsp-bar-folded";
/** Whether the bar shows only what is chosen; kept in this browser. */
const folded = signal(kept(KEY, (value) => value === true) ?? false);

function fold(away: boolean): void {
  folded.value = away;
  keep(KEY, away);
}

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
  const [all, left] = useMemo(() => everyWidget(sources), [sources]);
  const id = useId();
  if (widgets.length === 0 && (perform === undefined || all.length === 0)) return null;
  const closed = folded.value;
  const chosen = widgets.filter(({ key }) => choice[key] !== undefined);
  return (
    <div class={`params card board-bar ${closed ? "folded" : ""}`} role="group" aria-label="Parameters of all cards">
      <button
        type="button"
        class="button bare icon"
        aria-expanded={!closed}
        aria-controls={id}
        aria-label="Widgets"
        title={closed ? "Show the widgets" : "Fold the widgets away"}
        onClick={() => fold(!closed)}
      >
        <Icon name={closed ? "right" : "down"} size={16} />
      </button>
      <div class="widgets" id={id}>
        {closed ? (
          <p class="meta">{chosen.map((widget) => `${plain(called(widget))} ${plain(String(choice[widget.key]))}`).join(" · ")}</p>
        ) : (
          widgets.map((widget) => (
            <Control
              key={widget.key}
              widget={widget}
              value={choice[widget.key]}
              possible={(widget.values as Value[]).filter((value) => isOffered(sources, choice, widget.key, value))}
              choose={(value, drags) => choose({ [widget.key]: value }, drags)}
              settle={settle}
            />
          ))
        )}
      </div>
      <span class="end">
        {perform && (
          <button type="button" class="button bare" onClick={() => setSets(true)}>
            <Icon name="settings" size={16} /> Parameters
          </button>
        )}
        <button type="button" class="button bare" onClick={reset}>
          Reset
        </button>
        <button type="button" class="button bare" onClick={() => copyAddress(location.href)}>
          <Icon name="copy" size={16} /> Copy link
        </button>
      </span>
      {perform && sets && (
        <BarSettings board={board} widgets={all} left={left} choice={choice} perform={perform} close={() => setSets(false)} />
      )}
    </div>
  );
}
