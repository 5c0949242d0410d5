// The bar of widgets that chooses among the attachments of a frame.

import "../styles/params.css";

import { useLocation } from "preact-iso";
import type { ComponentChildren } from "preact";
import { useId, useMemo, useRef, useState } from "preact/hooks";

import type { FileInfo } from "../api/schema";
import { plain } from "../format";
import {
  called, type Choice, firstOf, movedFrom, nearest, possible, readParams, resolve, type Value, type Variant, type Widget,
  widgetsOf, type Wishes,
} from "../widgets";
import { Icon } from "./icon";

/** Most values of a slider that are marked below it. */
const MARKS = 60;
/** Values of a slider from which on one may also type a number. */
const TYPED = 200;

/** What the address chooses of a frame's attachments. */
export interface Chosen {
  file: FileInfo | undefined;
  /** The parameters of the attachment; none where nothing tells attachments apart. */
  choice: Choice;
}

/** Returns the attachment that an address means. */
export function chosenOf(files: FileInfo[], query: Record<string, string>, wishes: Wishes): Chosen {
  const variants = variantsOf(files);
  const named = variants.some(({ params }) => Object.keys(params).length > 0);
  if (!named) return { file: files.find(({ path }) => path === query.file) ?? files[0], choice: {} };
  const { choice } = readChoice(query, widgetsOf(variants));
  const byPath = variants.find(({ item }) => item.path === query.file);
  const found = startOf(variants, (byPath ?? firstOf(variants, wishes))?.params ?? {}, choice);
  return { file: found?.item, choice: found?.params ?? {} };
}

/** Shows the attachment that the widgets choose; what was chosen stands in the address. */
export function Params(props: {
  files: FileInfo[];
  /** How the author of the frame wishes parameters to be asked for. */
  wishes: Wishes;
  children: (file: FileInfo) => ComponentChildren;
}) {
  const { wishes } = props;
  const { query, route, path } = useLocation();
  const variants = useMemo(() => variantsOf(props.files), [props.files]);
  const widgets = useMemo(() => widgetsOf(variants, wishes), [variants, wishes]);
  const named = variants.some(({ params }) => Object.keys(params).length > 0);
  const [notice, setNotice] = useState<{ text: string; of: string }>();
  // An address may also choose what is not offered.
  const wanted = readChoice(query, widgetsOf(variants));
  const byPath = variants.find(({ item }) => item.path === query.file);
  const start = (byPath ?? firstOf(variants, wishes))?.params ?? {};
  const found = startOf(variants, start, wanted.choice);
  /** Whether a slider is on its way: only its first step is one to go back over. */
  const dragging = useRef(false);
  if (found === undefined) return null;
  const now = writeChoice(query, found.params);

  const choose = (key: string, value: Value, drags = false) => {
    const asked = { ...found.params, [key]: value };
    const next = resolve(variants, asked, key);
    if (next === undefined) return;
    const address = writeChoice(query, next.params);
    const moved = movedFrom(asked, next.params, key);
    setNotice(moved.length === 0 ? undefined : { text: movedText(key, value, moved, nameOf), of: address });
    route(`${path}?${address}`, drags && dragging.current);
    dragging.current = drags;
  };
  const settle = () => {
    dragging.current = false;
  };
  const nameOf = (key: string) => {
    const widget = widgets.find((one) => one.key === key);
    return plain(widget === undefined ? key : called(widget));
  };
  // An address may ask for what there is not; what is shown instead is said.
  const missing = [
    ...wanted.unknown.map(([key, text]) => {
      const widget = widgets.find((one) => one.key === key);
      return widget === undefined
        ? `There is no parameter ${plain(key)}.`
        : `No attachment has ${nameOf(key)} = ${plain(text)}: it can be ${list(possible(variants, found.params, widget))}.`;
    }),
    ...movedFrom(wanted.choice, found.params).map(({ key, from, to }) => {
      const widget = widgets.find((one) => one.key === key);
      const would = widget ? possible(variants, found.params, widget) : [];
      return `No attachment has ${nameOf(key)} = ${shown(from)} with the rest: ${to === undefined ? "it is left out" : `shown is ${shown(to)}`}; with the rest it can be ${list(would)}.`;
    }),
  ];
  const said = missing.length > 0 ? missing.join(" ") : notice?.of === now ? notice.text : undefined;
  return (
    <>
      {named && (
        <div class="params card" role="group" aria-label="Parameters">
          {widgets.map((widget) => (
            <Control
              key={widget.key}
              widget={widget}
              value={found.params[widget.key]}
              possible={possible(variants, found.params, widget)}
              choose={(value, drags) => choose(widget.key, value, drags)}
              settle={settle}
            />
          ))}
        </div>
      )}
      <div role="status" class="params-said">
        {named && said && (
          <p>
            <Icon name="alert" size={15} /> {said}
          </p>
        )}
      </div>
      {!named && variants.length > 1 && <ByName files={props.files} found={found.item} />}
      {props.children(named ? found.item : (chosenOf(props.files, query, wishes).file ?? found.item))}
    </>
  );
}

/** Returns the variant for an address: what it says counts more than where one would begin. */
function startOf(variants: Variant<FileInfo>[], start: Choice, choice: Choice): Variant<FileInfo> | undefined {
  const agrees = ({ params }: Variant<FileInfo>) =>
    Object.entries(choice).filter(([key, value]) => params[key] === value).length;
  const most = Math.max(0, ...variants.map(agrees));
  return resolve(variants.filter((one) => agrees(one) === most), { ...start, ...choice });
}

function variantsOf(files: FileInfo[]): Variant<FileInfo>[] {
  return files.map((item) => ({ item, params: readParams(item.params) }));
}

function movedText(
  key: string,
  value: Value,
  moved: ReturnType<typeof movedFrom>,
  nameOf: (key: string) => string,
): string {
  const parts = moved.map(({ key, to }) => (to === undefined ? `${nameOf(key)} does not apply` : `${nameOf(key)} moved to ${shown(to)}`));
  return `With ${nameOf(key)} = ${shown(value)}, ${parts.join(", ")}: no attachment has the values before.`;
}

function list(values: readonly Value[]): string {
  const first = values.slice(0, 12).map(shown).join(", ");
  return values.length === 0 ? "nothing" : values.length > 12 ? `${first} and ${values.length - 12} more` : first;
}

/** Where nothing tells the attachments apart, their names do. */
function ByName({ files, found }: { files: FileInfo[]; found: FileInfo }) {
  const { query, path, route } = useLocation();
  const id = useId();
  const current = files.find((file) => file.path === query.file) ?? found;
  const to = (file: FileInfo) => `${path}?file=${encodeURIComponent(file.path)}`;
  if (files.length > 12) {
    return (
      <div class="params card">
        <div class="param">
          <label for={id}>Attachment</label>
          <select id={id} class="field" value={current.path} onChange={(event) => route(`${path}?file=${encodeURIComponent(event.currentTarget.value)}`)}>
            {files.map((file) => (
              <option key={file.path} value={file.path}>
                {plain(file.path)}
              </option>
            ))}
          </select>
        </div>
      </div>
    );
  }
  return (
    <nav class="tabs" aria-label="Attachments">
      {files.map((file) => (
        <a key={file.path} href={to(file)} aria-current={file === current ? "page" : undefined}>
          {plain(file.path)}
        </a>
      ))}
    </nav>
  );
}

interface ControlProps {
  widget: Widget;
  value: Value | undefined;
  /** The values with which all else can stay. */
  possible: Value[];
  choose: (value: Value, drags?: boolean) => void;
  settle: () => void;
}

/** A widget of one kind. */
type Of<K extends Widget["kind"]> = Extract<Widget, { kind: K }>;

/** A widget of values that are listed. */
type Listed = Exclude<Widget, Of<"fixed"> | Of<"switch"> | Of<"slider"> | Of<"date">>;

/** One widget of a bar. */
export function Control(props: ControlProps) {
  const id = useId();
  const { widget, value, choose } = props;
  const fits = (one: Value) => props.possible.includes(one);
  const name = plain(called(widget));
  const OTHERS = "Changes other parameters too";
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
        <label class={`param ${fits(value !== true) ? "" : "far"}`} title={fits(value !== true) ? undefined : OTHERS}>
          <span>{name}</span>
          <input
            type="checkbox"
            role="switch"
            checked={value === true}
            disabled={widget.values.length < 2}
            onChange={(event) => choose(event.currentTarget.checked)}
          />
        </label>
      );
    case "slider":
      return <Slider {...props} widget={widget} />;
    case "date":
      return <Dates {...props} widget={widget} />;
    case "tabs":
      return (
        <div class="param tabs" role="tablist" aria-label={name}>
          {widget.values.map((one) => (
            <button
              key={String(one)}
              type="button"
              role="tab"
              aria-selected={one === value}
              class={fits(one) ? "" : "far"}
              onClick={() => choose(one)}
            >
              {shown(one)}
            </button>
          ))}
        </div>
      );
    case "radio":
      return (
        <fieldset class="param">
          <legend>{name}</legend>
          <span class="variants">
            {widget.values.map((one) => (
              <label key={String(one)} class={fits(one) ? "" : "far"} title={fits(one) ? undefined : OTHERS}>
                <input type="radio" name={id} checked={one === value} onChange={() => choose(one)} />
                <span>{shown(one)}</span>
              </label>
            ))}
          </span>
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
            {value === undefined && <option value={-1}>–</option>}
            {widget.values.map((one, index) => (
              <option key={`${typeof one} ${String(one)}`} value={index}>
                {shown(one)}
                {fits(one) ? "" : " (changes others)"}
              </option>
            ))}
          </select>
        </div>
      );
    case "combobox":
      return <Combobox {...props} widget={widget} />;
  }
}

/** Steps over the values that there are, whatever lies between them. */
function Slider({ widget, value, possible, choose, settle }: ControlProps & { widget: Of<"slider"> }) {
  const id = useId();
  const at = Math.max(0, widget.values.indexOf(value as number));
  const last = widget.values.length - 1;
  return (
    <div class="param slider">
      <label for={id}>{plain(called(widget))}</label>
      <span class="rail-of">
        <input
          id={id}
          type="range"
          min={0}
          max={last}
          step={1}
          value={at}
          aria-valuetext={shown(widget.values[at])}
          onInput={(event) => choose(widget.values[Number(event.currentTarget.value)] as number, true)}
          onChange={settle}
        />
        {widget.values.length <= MARKS && (
          <span class="marks" aria-hidden="true">
            {widget.values.map((one) => (
              <i key={one} class={possible.includes(one) ? "" : "far"} />
            ))}
          </span>
        )}
      </span>
      <output for={id}>{shown(widget.values[at])}</output>
      {widget.values.length >= TYPED && (
        <input
          class="field number"
          type="number"
          aria-label={`${plain(called(widget))}, the nearest to`}
          value={String(value ?? "")}
          step="any"
          onChange={(event) => {
            const wanted = event.currentTarget.valueAsNumber;
            if (!Number.isNaN(wanted)) choose(widget.values[nearest(widget.values, wanted)] as number);
          }}
        />
      )}
    </div>
  );
}

/** A day that there is: what is picked between two becomes the nearest. */
function Dates({ widget, value, possible, choose }: ControlProps & { widget: Of<"date"> }) {
  const id = useId();
  const { values } = widget;
  const at = Math.max(0, values.indexOf(value as string));
  const timed = values.some((one) => one.includes("T"));
  const form = (one: string | undefined) => (one ?? "").slice(0, timed ? 16 : 10);
  const step = (by: number) => values[at + by] !== undefined && choose(values[at + by] as string);
  const name = plain(called(widget));
  const marked = (by: number) => (values[at + by] === undefined || possible.includes(values[at + by] as string) ? "" : "far");
  return (
    <div class="param dates">
      <label for={id}>{name}</label>
      <button type="button" class={`button icon ${marked(-1)}`} aria-label={`Earlier ${name}`} disabled={at === 0} onClick={() => step(-1)}>
        ‹
      </button>
      <input
        id={id}
        class="field"
        type={timed ? "datetime-local" : "date"}
        value={form(values[at])}
        min={form(values[0])}
        max={form(values.at(-1))}
        onChange={(event) => {
          const picked = event.currentTarget.value;
          if (picked === "") return;
          const to = nearest(values, picked);
          event.currentTarget.value = form(values[to]);
          choose(values[to] as string);
        }}
      />
      <button
        type="button"
        class={`button icon ${marked(1)}`}
        aria-label={`Later ${name}`}
        disabled={at === values.length - 1}
        onClick={() => step(1)}
      >
        ›
      </button>
      <span class="muted">
        {at + 1} of {values.length}
      </span>
    </div>
  );
}

/** One of many texts, of which one types a part. */
function Combobox({ widget, value, possible, choose }: ControlProps & { widget: Listed }) {
  const id = useId();
  const [wrong, setWrong] = useState<string>();
  return (
    <div class="param">
      <label for={id}>{plain(called(widget))}</label>
      <input
        id={id}
        class="field"
        list={`${id}-values`}
        value={String(value ?? "")}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={wrong !== undefined}
        aria-describedby={`${id}-wrong`}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => {
          const text = event.currentTarget.value;
          const found =
            widget.values.find((one) => String(one) === text) ??
            widget.values.find((one) => String(one).toLowerCase().startsWith(text.toLowerCase()));
          setWrong(found === undefined ? text : undefined);
          if (found !== undefined) {
            event.currentTarget.value = String(found);
            choose(found);
          }
        }}
      />
      <datalist id={`${id}-values`}>
        {widget.values.map((one) => (
          <option key={String(one)} value={String(one)} label={possible.includes(one) ? undefined : "changes others"} />
        ))}
      </datalist>
      <span id={`${id}-wrong`} class="wrong">
        {wrong !== undefined && `no ${plain(called(widget))} begins with “${plain(wrong)}”`}
      </span>
    </div>
  );
}

function shown(value: Value | undefined): string {
  return plain(String(value ?? ""));
}

/** Reads what the address chooses: `p.Coefficient=1.5`, and `tab=Sales`; what is no value is told. */
function readChoice(query: Record<string, string>, widgets: Widget[]): { choice: Choice; unknown: [string, string][] } {
  const choice: Record<string, Value> = {};
  const unknown: [string, string][] = [];
  for (const [name, text] of Object.entries(query)) {
    const key = name === "tab" ? "tab" : name.startsWith("p.") ? name.slice(2) : undefined;
    if (key === undefined) continue;
    const widget = widgets.find((one) => one.key === key);
    const value = (widget?.values as Value[] | undefined)?.find((one) => String(one) === text);
    if (value === undefined) unknown.push([key, text]);
    else choice[key] = value;
  }
  return { choice, unknown };
}

function writeChoice(query: Record<string, string>, choice: Choice): string {
  const rest = Object.entries(query).filter(([key]) => !key.startsWith("p.") && key !== "tab" && key !== "file");
  const chosen = Object.entries(choice).map(([key, value]): [string, string] => [
    key === "tab" ? key : `p.${key}`,
    String(value),
  ]);
  return new URLSearchParams([...rest, ...chosen]).toString();
}
