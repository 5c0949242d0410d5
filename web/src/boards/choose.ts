// One bar of widgets for all cards of a dashboard: which there are, and what each card shows for
// what is chosen.

import {
  type Choice, firstOf, isPossible, resolve, type Value, type Variant, type Widget, widgetsOf, type Wish, type Wishes,
} from "../widgets";
import type { Card, ParamSetting } from "./model";

/** What a card has to choose from. */
export interface Source<T> {
  /** The card. */
  id: string;
  /** Its attachments, parameters called as in the bar. */
  variants: Variant<T>[];
  /** How the author of its frame wishes parameters to be asked for, called as in the bar. */
  wishes?: Wishes;
}

/** What a card shows. */
export type Shown<T> =
  | { item: T }
  /**
   * Nothing has what is chosen; `nearest` is what agrees most with it, and `would` are the values
   * with which there were something if one parameter moved and all others stayed.
   */
  | { item: undefined; wants: Choice; nearest: Variant<T>; would: [key: string, values: Value[]][] };

/** Returns what a card has to choose from, out of all attachments of its frame. */
export function sourceOf<T>(
  card: Pick<Card, "id" | "fixed" | "names">,
  all: readonly Variant<T>[],
  said: Wishes = {},
): Source<T> {
  const fixed = Object.entries(card.fixed);
  const fitting = all.filter(({ params }) => fixed.every(([key, value]) => params[key] === value));
  const variants = fitting.map(({ item, params }) => {
    const open = Object.entries(params).filter(([key]) => !(key in card.fixed));
    return { item, params: Object.fromEntries(open.map(([key, value]) => [card.names[key] ?? key, value])) };
  });
  const open = Object.entries(said).filter(([key]) => !(key in card.fixed));
  const wishes = Object.fromEntries(open.map(([key, wish]) => [card.names[key] ?? key, wish]));
  return { id: card.id, variants, wishes };
}

/**
 * Returns the widgets of the bar: a parameter of several cards has one, with the values of all. Of
 * several who wish how it is asked for, the first card counts; what the dashboard says counts more.
 */
export function barOf(sources: readonly Source<unknown>[], settings: Readonly<Record<string, ParamSetting>>): Widget[] {
  const wishes: Record<string, Wish> = Object.assign({}, ...sources.toReversed().map((source) => source.wishes));
  for (const [key, { label, hidden }] of Object.entries(settings)) {
    const wish: Wish = { ...wishes[key] };
    if (label !== undefined) wish.label = label;
    if (hidden !== undefined) wish.hidden = hidden;
    wishes[key] = wish;
  }
  return widgetsOf(sources.flatMap(({ variants }) => variants), wishes);
}

/** Returns the widgets of all parameters, and those of them that the authors of the frames leave out. */
export function everyWidget(sources: readonly Source<unknown>[]): [Widget[], Set<string>] {
  const shown = new Set(barOf(sources, {}).map(({ key }) => key));
  const keys = sources.flatMap(({ variants }) => variants.flatMap(({ params }) => Object.keys(params)));
  const all = barOf(sources, Object.fromEntries(keys.map((key) => [key, { hidden: false }])));
  return [all, new Set(keys.filter((key) => !shown.has(key)))];
}

/**
 * Returns what is chosen at first: what the address says, else what the dashboard says, else what
 * the first card that has the parameter begins with.
 */
export function firstChoice(
  sources: readonly Source<unknown>[],
  settings: Readonly<Record<string, ParamSetting>>,
  address: Choice,
): Choice {
  const said = Object.entries(settings).flatMap(([key, { value }]) => (value === undefined ? [] : [[key, value]]));
  const firsts = sources.toReversed().map(({ variants, wishes }) => firstOf(variants, wishes ?? {})?.params ?? {});
  return Object.assign({}, ...firsts, Object.fromEntries(said), address) as Choice;
}

/** Returns what a card shows; nothing where it has nothing at all. */
export function shownBy<T>(source: Source<T>, choice: Choice): Shown<T> | undefined {
  const { variants } = source;
  const wants = concerning(variants, choice);
  const fits = ({ params }: Variant<T>) =>
    Object.entries(wants).every(([key, value]) => !(key in params) || params[key] === value);
  const exact = variants.find(fits);
  if (exact !== undefined) return { item: exact.item };
  const nearest = resolve(variants, wants);
  if (nearest === undefined) return undefined;
  const would = Object.keys(wants).map((key): [string, Value[]] => [key, valuesFor(source, wants, key)]);
  return { item: undefined, wants, nearest, would: would.filter(([, values]) => values.length > 0) };
}

/** Tells whether some card has something for a value while all else stays as it is chosen. */
export function isOffered(sources: readonly Source<unknown>[], choice: Choice, key: string, value: Value): boolean {
  return sources.some(
    ({ variants }) =>
      variants.some(({ params }) => key in params) && isPossible(variants, concerning(variants, choice), key, value),
  );
}

/** Returns the values of a parameter that a card has for all else that is chosen. */
export function valuesFor(source: Source<unknown>, choice: Choice, key: string): Value[] {
  const values = new Set(source.variants.flatMap(({ params }) => params[key] ?? []));
  return [...values].filter((value) => isOffered([source], choice, key, value));
}

/** Returns what of a choice a card has parameters for. */
function concerning(variants: readonly Variant<unknown>[], choice: Choice): Choice {
  const known = new Set(variants.flatMap(({ params }) => Object.keys(params)));
  return Object.fromEntries(Object.entries(choice).filter(([key]) => known.has(key)));
}
