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
