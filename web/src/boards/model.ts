// A dashboard as pages draw it.

import type { CardStack } from "../api/schema";
import type { Choice, Value } from "../widgets";

/** What a card shows. */
export type CardKind = "stack" | "text" | "metric" | "divider";

/** How high a card is, the lowest first; `auto` is as high as what is in it. */
export const HEIGHTS = ["auto", "s", "m", "l", "xl"] as const;
/** One of them. */
export type Height = (typeof HEIGHTS)[number];

/** Columns of the grid; a narrow window has fewer. */
export const COLUMNS = 12;

/** A card. */
export interface Card {
  id: string;
  kind: CardKind;
  /** The stack that is shown, as far as it is known here. */
  stack?: CardStack;
  /** The frame that is shown whatever comes after it. */
  frame?: string;
  title: string;
  description: string;
  /** Markdown, or the name of a metric. */
  text: string;
  /** Columns that it takes, 1 to 12. */
  span: number;
  height: Height;
  /** Its tab, where there are tabs. */
  tab?: string;
  /** Parameters that are not in the bar, and what they are. */
  fixed: Choice;
  /** Names in the bar of parameters that are called otherwise here. */
  names: Readonly<Record<string, string>>;
}

/** A card that is to be put on a dashboard; the daemon gives it an id. */
export interface NewCard {
  kind: CardKind;
  /** The stack as a reference. */
  ref?: string;
  title: string;
  text: string;
  span: number;
  height: Height;
  tab?: string;
  /** The card before which it comes; null and nothing are the end. */
  before?: string | null;
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
  description: string;
  /** Its pages; none where all cards are on one. */
  tabs: readonly string[];
  /** In the order in which they are laid out. */
  cards: Card[];
  params: Readonly<Record<string, ParamSetting>>;
}
