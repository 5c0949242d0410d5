// Where cards stand, and how they are moved and sized by keys, buttons and pointers alike.

import { type Card, COLUMNS, HEIGHTS } from "./model";

/** Columns of the narrowest card. */
const LEAST = 2;

/** What is done to a card by one press of a key or a button. */
export type Step = "earlier" | "later" | "narrower" | "wider" | "lower" | "higher";

/** Which step a key stands for on the handle of a card; with Shift it sizes instead of moving. */
export function stepOf(key: string, shift: boolean): Step | undefined {
  switch (key) {
    case "ArrowLeft":
      return shift ? "narrower" : "earlier";
    case "ArrowRight":
      return shift ? "wider" : "later";
    case "ArrowUp":
      return shift ? "lower" : "earlier";
    case "ArrowDown":
      return shift ? "higher" : "later";
    default:
      return undefined;
  }
}

/** Returns the size of a card after a step, or nothing where it cannot be done. */
export function sized(card: Card, step: Step): Pick<Card, "span"> | Pick<Card, "height"> | undefined {
  switch (step) {
    case "narrower":
      return card.span > LEAST ? { span: card.span - 1 } : undefined;
    case "wider":
      return card.span < COLUMNS ? { span: card.span + 1 } : undefined;
    case "lower":
    case "higher": {
      const at = HEIGHTS.indexOf(card.height) + (step === "higher" ? 1 : -1);
      const height = HEIGHTS[at];
      return height && { height };
    }
    default:
      return undefined;
  }
}

/** Returns how many columns a card takes whose right edge is drawn to some distance from its left one. */
export function spanOf(width: number, whole: number): number {
  const span = Math.round((width / whole) * COLUMNS);
  return Math.min(COLUMNS, Math.max(LEAST, span));
}

/**
 * Returns the card before which another one stands after it was moved; null is the end, and nothing
 * means that it stays.
 *
 * @param to its place among the others, counted without itself
 */
export function ahead(cards: readonly Card[], id: string, to: number): string | null | undefined {
  const from = cards.findIndex((card) => card.id === id);
  const others = cards.filter((card) => card.id !== id);
  const at = Math.min(Math.max(to, 0), others.length);
  if (from < 0 || at === from) return undefined;
  return others[at]?.id ?? null;
}

/** Where on the screen something stands. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Where something that is carried would land. */
export interface Landing {
  /** The place of the card before which it would stand; their number is the end. */
  index: number;
  /** The card at which that is shown, and on which side of it. */
  beside: number;
  side: "left" | "right" | "top" | "bottom";
}

/** Returns where what is carried to a point would land among cards, which stand as they are read. */
export function landing(cells: readonly Box[], x: number, y: number): Landing {
  const alone = cells.map((one) => cells.every((other) => other === one || other.top >= one.bottom || one.top >= other.bottom));
  const found = cells.findIndex(({ left, top, right, bottom }, at) =>
    alone[at] ? y < (top + bottom) / 2 : y < top || (y <= bottom && x < (left + right) / 2),
  );
  const index = found < 0 ? cells.length : found;
  const next = cells[index];
  // Before the first card of a row, it is seen at the end of the row above as long as the pointer is there.
  const above = index > 0 && (next === undefined || y < next.top);
  if (above) return { index, beside: index - 1, side: alone[index - 1] ? "bottom" : "right" };
  return { index, beside: index, side: alone[index] ? "top" : "left" };
}
