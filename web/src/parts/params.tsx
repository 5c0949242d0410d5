// The bar of widgets that chooses among the attachments of a frame.

import { useLocation } from "preact-iso";
import type { ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";

import type { FileInfo } from "../api/schema";
import { plain } from "../format";
import { type Choice, isPossible, readParams, resolve, type Value, type Variant, type Widget, widgetsOf } from "../widgets";

/** Shows the attachment that the widgets choose; what was chosen stands in the address. */
export function Params(props: { files: FileInfo[]; children: (file: FileInfo) => ComponentChildren }) {
  const { query, route, path } = useLocation();
  const variants = useMemo(
    () => props.files.map((item): Variant<FileInfo> => ({ item, params: readParams(item.params) })),
    [props.files],
  );
  const widgets = useMemo(() => widgetsOf(variants), [variants]);
  const wanted = readChoice(query, widgets);
  const [changed, setChanged] = useState<string>();
  const found = resolve(variants, { ...variants[0]?.params, ...wanted }, changed);
  if (found === undefined) return null;
  const named = variants.some(({ params }) => Object.keys(params).length > 0);
  const choose = (key: string, value: Value) => {
    setChanged(key);
    const next = resolve(variants, { ...found.params, [key]: value }, key);
    if (next) route(`${path}?${writeChoice(query, next.params)}`, true);
  };
  return (
    <>
      {named && (
        <div class="params card" role="group" aria-label="Parameters">
          {widgets.map((widget) => (
            <Control
              key={widget.key}
              widget={widget}
              value={found.params[widget.key]}
              possible={(value) => isPossible(variants, found.params, widget.key, value)}
              choose={(value) => choose(widget.key, value)}
            />
          ))}
        </div>
      )}
      {!named && variants.length > 1 && <Chosen files={props.files} found={found.item} />}
      {props.children(pick(props.files, named ? found.item : undefined, query.file))}
    </>
  );
}

/** Where nothing tells the attachments apart, their names do. */
function Chosen({ files, found }: { files: FileInfo[]; found: FileInfo }) {
  const { query, path } = useLocation();
  const shown = files.find((file) => file.path === query.file) ?? found;
  return (
    <nav class="tabs" aria-label="Attachments">
      {files.slice(0, 30).map((file) => (
        <a
          key={file.path}
          href={`${path}?file=${encodeURIComponent(file.path)}`}
          aria-current={file === shown ? "page" : undefined}
        >
          {plain(file.path)}
        </a>
      ))}
    </nav>
  );
}

function pick(files: FileInfo[], found: FileInfo | undefined, named: string | undefined): FileInfo {
  return found ?? files.find((file) => file.path === named) ?? (files[0] as FileInfo);
}

interface ControlProps {
  widget: Widget;
  value: Value | undefined;
  possible: (value: Value) => boolean;
  choose: (value: Value) => void;
}

/** One widget of the bar. */
export function Control(props: ControlProps) {
  const id = useId();
  const { widget, value, choose, possible } = props;
  const name = plain(widget.key);
  switch (widget.kind) {
    case "fixed":
      return (
        <p class="param">
          <span>{name}</span>
          <span class="badge">{shown(widget.values[0])}</span>
        </p>
      );
    case "switch":
      return (
        <label class="param">
          <span>{name}</span>
          <input
            type="checkbox"
            role="switch"
            checked={value === true}
            onChange={(event) => choose(event.currentTarget.checked)}
          />
        </label>
      );
    case "slider":
    case "date": {
      const at = Math.max(0, (widget.values as Value[]).indexOf(value as Value));
      return (
        <div class="param">
          <label for={id}>{name}</label>
          <input
            id={id}
            type="range"
            min={0}
            max={widget.values.length - 1}
            step={1}
            value={at}
            aria-valuetext={shown(widget.values[at])}
            onInput={(event) => choose(widget.values[Number(event.currentTarget.value)] as Value)}
          />
          <output for={id}>{shown(widget.values[at])}</output>
        </div>
      );
    }
    case "radio":
      return (
        <fieldset class="param">
          <legend>{name}</legend>
          {widget.values.map((one) => (
            <label key={String(one)} class={possible(one) ? "" : "far"} title={possible(one) ? undefined : "Changes other parameters too"}>
              <input type="radio" name={id} checked={one === value} onChange={() => choose(one)} />
              <span>{shown(one)}</span>
            </label>
          ))}
        </fieldset>
      );
    case "select":
      return (
        <div class="param">
          <label for={id}>{name}</label>
          <select
            id={id}
            class="field"
            value={widget.values.indexOf(value as Value)}
            onChange={(event) => choose(widget.values[Number(event.currentTarget.value)] as Value)}
          >
            {widget.values.map((one, index) => (
              <option key={String(one)} value={index}>
                {shown(one)}
                {possible(one) ? "" : " (changes others)"}
              </option>
            ))}
          </select>
        </div>
      );
  }
}

function shown(value: Value | undefined): string {
  return plain(String(value ?? ""));
}

/** Reads what the address chooses: `p.Coefficient=1.5`. */
function readChoice(query: Record<string, string>, widgets: Widget[]): Choice {
  const choice: Record<string, Value> = {};
  for (const { key, values } of widgets) {
    const text = query[`p.${key}`];
    const value = (values as Value[]).find((one) => String(one) === text);
    if (value !== undefined) choice[key] = value;
  }
  return choice;
}

function writeChoice(query: Record<string, string>, choice: Choice): string {
  const rest = Object.entries(query).filter(([key]) => !key.startsWith("p."));
  const chosen = Object.entries(choice).map(([key, value]): [string, string] => [`p.${key}`, String(value)]);
  return new URLSearchParams([...rest, ...chosen]).toString();
}
