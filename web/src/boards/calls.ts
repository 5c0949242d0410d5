// The calls of the daemon that dashboards need.

import type { Act } from "./acts";
import type { Dashboard } from "./model";
import type { NewCard } from "./suggest";

/** A dashboard in a list. */
export interface Listed {
  id: string;
  title: string;
  text: string;
  /** The context that it is in: `alice/main`. */
  context: string;
  /** Who made it. */
  creator: string;
  cards: number;
  changed: string;
  writable: boolean;
}

/** A dashboard, and what one may do with it. */
export interface Opened extends Listed {
  board: Dashboard;
}

/** Returns all dashboards that are here. */
export function listBoards(): Promise<Listed[]> {
  return Promise.reject(new Error("not yet"));
}

/** Returns one. */
export function openBoard(id: string): Promise<Opened> {
  return Promise.reject(new Error(`not yet ${id}`));
}

/** Makes one in a context, and returns its id. */
export function newBoard(context: string, title: string, cards: NewCard[]): Promise<string> {
  return Promise.reject(new Error(`not yet ${context} ${title} ${cards.length}`));
}

/** Does something to one. */
export function act(id: string, done: Act): Promise<void> {
  return Promise.reject(new Error(`not yet ${id} ${done.act}`));
}

/** Undoes the last thing that this user did to one. */
export function undo(id: string): Promise<void> {
  return Promise.reject(new Error(`not yet ${id}`));
}

/** Removes one. */
export function removeBoard(id: string): Promise<void> {
  return Promise.reject(new Error(`not yet ${id}`));
}
