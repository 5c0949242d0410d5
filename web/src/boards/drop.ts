// Cards and stacks that a pointer carries over the grid, and where they would land.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import type { Act } from "./acts";
import { type Landing, landing } from "./grid";
import type { Card, NewCard } from "./model";

/** What is carried: a card that is here, or one that is to be added. */
type Carried = { moves: string } | { adds: NewCard };

/** Nothing of another window is taken: what is carried is not read from what is dropped. */
const carried = signal<Carried | undefined>(undefined);

/** Tells whether something is carried. */
export const isCarried = () => carried.value !== undefined;

/** What an element needs with which a pointer carries something; `shows` is seen under it. */
export function carries(what: () => Carried, shows?: (from: HTMLElement) => Element | null) {
  return {
    draggable: true,
    onDragStart: (event: Dragging) => {
      carried.value = what();
      // Without any, Firefox carries nothing.
      event.dataTransfer?.setData("text/x-dsp-card", "");
      const shown = shows?.(event.currentTarget);
      if (shown) event.dataTransfer?.setDragImage(shown, 20, 20);
    },
    onDragEnd: () => {
      carried.value = undefined;
    },
  };
}

type Dragging = DragEvent & { currentTarget: HTMLElement };

/** A place where cards land. */
export interface Drop {
  /** Whether something is carried. */
  carrying: boolean;
  /** Returns the class that shows at a card that something would land beside it. */
  mark: (index: number) => string;
  /** What the element around the cards hears. */
  hears: {
    onDragOver: (event: Dragging) => void;
    onDragLeave: (event: Dragging) => void;
    onDrop: (event: Dragging) => void;
  };
}

/** Lets what is carried land among cards. */
export function useDrop(cards: readonly Card[], perform: (act: Act) => void): Drop {
  const [over, setOver] = useState<Landing>();
  const what = carried.value;
  useEffect(() => {
    if (what === undefined) setOver(undefined);
  }, [what]);
  return {
    carrying: what !== undefined,
    mark: (index) => (over?.beside === index ? `lands-${over.side}` : ""),
    hears: {
      onDragOver: (event) => {
        if (carried.peek() === undefined) return;
        event.preventDefault();
        const next = landingOf(event);
        setOver((last) => (last && last.index === next.index && last.beside === next.beside && last.side === next.side ? last : next));
      },
      onDragLeave: (event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setOver(undefined);
      },
      onDrop: (event) => {
        const what = carried.peek();
        if (what === undefined) return;
        event.preventDefault();
        carried.value = undefined;
        const { index } = landingOf(event);
        const before = cards[index]?.id ?? null;
        if ("adds" in what) perform({ act: "add", card: { ...what.adds, before } });
        // Beside itself it stays where it is.
        else if (before !== what.moves && cards[index - 1]?.id !== what.moves) perform({ act: "move", id: what.moves, before });
      },
    },
  };
}

function landingOf(event: Dragging): Landing {
  const cells = [...event.currentTarget.querySelectorAll(".board-cell")].map((cell) => cell.getBoundingClientRect());
  return landing(cells, event.clientX, event.clientY);
}
