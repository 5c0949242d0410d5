// Widgets of the parameters that tell the attachments of a frame apart: which there are, and which
// attachment they choose.

import type { WidgetInfo } from "./api/schema";

/** A value that a parameter has. */
export type Value = string | number | boolean;

/** What is chosen: a value of each parameter. */
export type Choice = Readonly<Record<string, Value>>;

/** An attachment and the parameters that it has. */
export interface Variant<T> {
  item: T;
  params: Choice;
}

/** How a parameter is chosen, and what it is called. */
export type Widget = Called &
  (
  | { key: string; kind: "fixed"; values: [Value] }
  | { key: string; kind: "switch"; values: Value[] }
  | { key: string; kind: "slider"; values: number[] }
  | { key: string; kind: "date"; values: string[] }
  | { key: string; kind: "radio" | "select" | "combobox" | "tabs"; values: Value[] }
  );

/** What is shown of a parameter beside its values, where it is said. */
interface Called {
  /** What it is called, instead of its name. */
  label?: string;
  unit?: string;
}

/** How the author of a frame wishes a parameter to be asked for. */
export interface Wish extends Called {
  /** Passed over where it does not fit the values. */
  kind?: string;
  /** What one begins with. */
  default?: Value;
  /** Values in the order in which they are offered; the rest follows. */
  values?: readonly Value[];
  /** Where it stands among the others, the least first; those without a place follow. */
  order?: number;
  /** Whether it is not offered. */
  hidden?: boolean;
}

/** Wishes by the name of the parameter. */
export type Wishes = Readonly<Record<string, Wish>>;

/** The name under which the tab of an attachment stands among its parameters. */
export const TAB = "tab";

/** Most texts that are offered beside each other. */
const RADIO = 5;
/** Most texts that are offered below each other; of more, one is typed. */
const SELECT = 20;
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Reads the parameters of an attachment; what is no text, number or truth value is no parameter,
 * but the tab on which dstack's clients put it.
 */
export function readParams(params: object | undefined): Choice {
  const choice: Record<string, Value> = {};
  for (const [key, value] of Object.entries(params ?? {})) {
    const inner = bare(value);
    if (isValue(inner)) choice[key] = inner;
    else if (isTab(inner)) choice[TAB] ??= typeof inner.title === "string" && inner.title !== "" ? inner.title : key;
  }
  return choice;
}

/** A value that says its type beside it. */
function bare(value: unknown): unknown {
  return typeof value === "object" && value !== null && "t" in value && "v" in value ? value.v : value;
}

function isTab(value: unknown): value is { type: "tab"; title?: unknown } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "tab";
}

/** Reads what a frame says of its parameters. */
export function readWishes(widgets: Record<string, WidgetInfo> | undefined): Wishes {
  const entries = Object.entries(widgets ?? {}).map(([key, said]): [string, Wish] => {
    const begin = bare(said.default);
    const values = (said.values ?? []).map(bare).filter(isValue);
    const wish: Wish = { ...said, default: isValue(begin) ? begin : undefined, values } as Wish;
    return [key, wish];
  });
  return Object.fromEntries(entries);
}

/** Returns a widget for each parameter that is offered, in the order in which they come up. */
export function widgetsOf(variants: readonly Variant<unknown>[], wishes: Wishes = {}): Widget[] {
  const names = new Set(variants.flatMap(({ params }) => Object.keys(params)));
  const keys = [...names].filter((key) => wishes[key]?.hidden !== true);
  const place = (key: string) => wishes[key]?.order ?? Infinity;
  // Tabs stand above all else. Two without a place stay as they are: infinities have no difference.
  keys.sort((a, b) => Number(b === TAB) - Number(a === TAB) || place(a) - place(b) || 0);
  return keys.map((key) => {
    const all = variants.flatMap(({ params }) => params[key] ?? []);
    const wish = wishes[key] ?? {};
    const { label, unit } = wish;
    const widget = wished(widgetOf(key, [...new Set(all)]), wish);
    return { ...widget, ...(label !== undefined && { label }), ...(unit !== undefined && { unit }) };
  });
}

/** Returns the variant with which one begins where no address says another. */
export function firstOf<T>(variants: readonly Variant<T>[], wishes: Wishes): Variant<T> | undefined {
  const [first] = variants;
  const begins = Object.entries(wishes).flatMap(([key, { default: value }]) => (value === undefined ? [] : [[key, value]]));
  if (first === undefined || begins.length === 0) return first;
  const choice = { ...first.params, ...Object.fromEntries(begins) } as Choice;
  // Of those that agree with most of what is wished, the one most like the first.
  const agrees = ({ params }: Variant<T>) => begins.filter(([key, value]) => params[key as string] === value).length;
  const most = Math.max(...variants.map(agrees));
  return resolve(variants.filter((one) => agrees(one) === most), choice);
}

/** A widget as it is wished, as far as its values let it be so. */
function wished(widget: Widget, { kind, values: first }: Wish): Widget {
  const { key } = widget;
  if (widget.kind === "fixed" || widget.kind === "switch" || widget.kind === "tabs") return widget;
  const there = widget.values as Value[];
  const named = (first ?? []).filter((value, at, all) => there.includes(value) && all.indexOf(value) === at);
  const values = [...named, ...there.filter((value) => !named.includes(value))];
  if (kind === "radio" || kind === "select" || kind === "combobox") return { key, kind, values };
  // Days stay in their order, as one goes to the next.
  return widget.kind === "date" ? widget : ({ ...widget, values } as Widget);
}

function widgetOf(key: string, values: Value[]): Widget {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return { key, kind: "fixed", values: [only] };
  if (values.every((value) => typeof value === "boolean")) return { key, kind: "switch", values };
  if (values.every((value) => typeof value === "number")) {
    return { key, kind: "slider", values: values.toSorted((a, b) => a - b) };
  }
  if (values.every((value) => typeof value === "string" && DATE.test(value))) {
    return { key, kind: "date", values: (values as string[]).toSorted() };
  }
  const texts = values.every((value) => typeof value === "string");
  if (key === TAB && texts) return { key, kind: "tabs", values };
  if (!texts) return { key, kind: "select", values };
  return { key, kind: values.length <= RADIO ? "radio" : values.length <= SELECT ? "select" : "combobox", values };
}

/** Returns what a widget is called, with the unit of its values. */
export function called({ key, label, unit }: Widget): string {
  return unit === undefined ? (label ?? key) : `${label ?? key} (${unit})`;
}

/** A parameter that moved although somebody else was changed, as no variant fits otherwise. */
export interface Moved {
  key: string;
  from: Value;
  to: Value | undefined;
}

/** Returns what of a choice is another one in the variant that is shown. */
export function movedFrom(choice: Choice, shown: Choice, changed?: string): Moved[] {
  return Object.entries(choice)
    .filter(([key, value]) => key !== changed && shown[key] !== value)
    .map(([key, from]) => ({ key, from, to: shown[key] }));
}

/** Returns the values of a parameter with which there is a variant, while all else stays. */
export function possible(variants: readonly Variant<unknown>[], choice: Choice, widget: Widget): Value[] {
  return (widget.values as Value[]).filter((value) => isPossible(variants, choice, widget.key, value));
}

/** Returns the index of the value that is nearest to a wanted one; of texts that are dates, in time. */
export function nearest(values: readonly (string | number)[], wanted: string | number): number {
  const number = (value: string | number) => (typeof value === "number" ? value : Date.parse(value));
  const far = values.map((value) => Math.abs(number(value) - number(wanted)));
  return far.reduce((best, one, at) => (one < (far[best] ?? Infinity) ? at : best), 0);
}

/**
 * Returns the variant for a choice: the one that fits, else the one that agrees with the parameter
 * changed last and with most of the others, the first of several.
 *
 * @param changed the parameter changed last
 */
export function resolve<T>(
  variants: readonly Variant<T>[],
  choice: Choice,
  changed?: string,
): Variant<T> | undefined {
  const agrees = ({ params }: Variant<T>) =>
    Object.entries(choice).filter(([key, value]) => params[key] === value).length;
  const holds = ({ params }: Variant<T>) => changed === undefined || params[changed] === choice[changed];
  const candidates = variants.filter(holds);
  return (candidates.length > 0 ? candidates : variants).reduce<Variant<T> | undefined>(
    (best, next) => (best === undefined || agrees(next) > agrees(best) ? next : best),
    undefined,
  );
}

/** Tells whether there is a variant with a value while all else stays as it is chosen. */
export function isPossible(
  variants: readonly Variant<unknown>[],
  choice: Choice,
  key: string,
  value: Value,
): boolean {
  const wanted = Object.entries({ ...choice, [key]: value });
  return variants.some(({ params }) => wanted.every(([name, is]) => params[name] === is));
}

function isValue(value: unknown): value is Value {
  return (
    typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
  );
}
