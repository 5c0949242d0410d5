// A dashboard as pages draw it.

import type { Choice, Value } from "../widgets";

/** What a card shows. */
export type CardKind = "stack" | "text" | "metric" | "divider";

/** How high a card is; `auto` is as high as what is in it. */
export const HEIGHTS = ["auto", "s", "m", "l", "xl"] as const;
/** One of them. */
export type Height = (typeof HEIGHTS)[number];

/** Columns of the grid; a narrow window has fewer. */
export const COLUMNS = 12;

/** A card. */
export interface Card {
  id: string;
  kind: CardKind;
  /** The stack that is shown, by ids: `3fa9…/c01d…:sales/weekly`. */
  stack?: string;
  /** The frame that is shown whatever comes after it. */
  frame?: string | undefined;
  /** The metric that is shown, of a card that shows one. */
  metric?: string;
  title: string;
  /** Markdown. */
  text: string;
  /** Columns that it takes, 1 to 12. */
  span: number;
  height: Height;
  /** Parameters that are not in the bar, and what they are. */
  fixed: Choice;
  /** Names in the bar of parameters that are called otherwise here. */
  names: Readonly<Record<string, string>>;
}

/** What is said of a parameter of the bar. */
export interface ParamSetting {
  /** What it is at first. */
  value?: Value;
  label?: string;
  hidden?: boolean;
}

/** A dashboard. */
export interface Dashboard {
  id: string;
  title: string;
  text: string;
  /** In the order in which they are laid out. */
  cards: Card[];
  params: Readonly<Record<string, ParamSetting>>;
}
