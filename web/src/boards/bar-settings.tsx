// How the bar of a dashboard shows its parameters: what they are called, what they begin with, and
// which are left out.

import { plain } from "../format";
import { Dialog } from "../parts/dialog";
import type { Choice, Value, Widget } from "../widgets";
import type { Act } from "./acts";
import { Draft } from "./draft";
import type { Dashboard, ParamSetting } from "./model";

/** The dialog; `widgets` are those of all parameters, left out or not. */
export function BarSettings(props: {
  board: Dashboard;
  widgets: readonly Widget[];
  /** Parameters that the authors of the frames leave out, unless the dashboard says otherwise. */
  left: ReadonlySet<string>;
  /** What is chosen now. */
  choice: Choice;
  perform: (act: Act) => void;
  close: () => void;
}) {
  const { board, widgets, left, choice, perform, close } = props;
  const beginNow = () => {
    for (const { key, kind } of widgets) {
      const value = choice[key];
      if (kind !== "fixed" && value !== undefined) perform(setting(board, key, { value }));
    }
  };
  return (
    <Dialog title="Parameters of this dashboard" wide close={close}>
      <p class="muted">For everybody who looks at it. Without a beginning, it is what the first card shows first.</p>
      <ul class="grid-gap">
        {widgets.map((widget) => (
          <li key={widget.key} class="bar-setting">
            <One
              widget={widget}
              left={left.has(widget.key)}
              setting={board.params[widget.key] ?? {}}
              change={(said) => perform(setting(board, widget.key, said))}
            />
          </li>
        ))}
      </ul>
      <div class="dialog-ends">
        <button type="button" class="button" onClick={beginNow}>
          Begin with what is chosen now
        </button>
        <button type="button" class="button primary" onClick={close}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

/** What is said of one parameter; nothing takes something back. */
type Said = { [K in keyof ParamSetting]: ParamSetting[K] | undefined };

function One({ widget, left, setting, change }: { widget: Widget; left: boolean; setting: ParamSetting; change: (said: Said) => void }) {
  const { key } = widget;
  const values = widget.values as Value[];
  const name = plain(key);
  return (
    <>
      <label class="labelled">
        <span>{name} is called</span>
        <Draft
          aria-label={`${name} is called`}
          value={setting.label ?? key}
          maxLength={100}
          save={(typed) => change({ label: typed.trim() === "" || typed.trim() === key ? undefined : typed.trim() })}
        />
      </label>
      <label class="labelled">
        <span>and begins with</span>
        <select
          class="field"
          aria-label={`${name} begins with`}
          value={values.indexOf(setting.value as Value)}
          onChange={(event) => change({ value: values[Number(event.currentTarget.value)] })}
        >
          <option value={-1}>what the first card shows</option>
          {values.map((value, index) => (
            <option key={`${typeof value} ${String(value)}`} value={index}>
              {plain(String(value))}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          aria-label={`${name} stands in the bar`}
          checked={!(setting.hidden ?? left)}
          onChange={({ currentTarget: { checked } }) => change({ hidden: checked === !left ? undefined : !checked })}
        />
        <span>in the bar{left && ", where its author leaves it out"}</span>
      </label>
    </>
  );
}

/** Returns what says something of a parameter, beside what is said of it already. */
export function setting(board: Pick<Dashboard, "params">, key: string, said: Said): Act {
  const all = Object.entries({ ...board.params[key], ...said }).filter(([, value]) => value !== undefined);
  return { act: "param", key, setting: all.length === 0 ? null : (Object.fromEntries(all) as ParamSetting) };
}
