// The calls of the daemon that dashboards need, and how pages draw what it answers.

import { all, answer, api } from "../api/client";
import type { BoardChangeInfo, BoardInfo, BoardOp, BoardView, CardInfo, UserName } from "../api/schema";
import { readParams } from "../widgets";
import type { Act } from "./acts";
import type { Card, Dashboard, NewCard } from "./model";

/** A dashboard, and what one may do with it. */
export interface Opened {
  info: BoardInfo;
  board: Dashboard;
}

/** Returns all dashboards that are here, of every context, removed ones too. */
export function listBoards(): Promise<BoardInfo[]> {
  return all<BoardInfo>((cursor) => {
    const query = { context: "*", removed: true, limit: 500, ...(cursor ? { cursor } : {}) };
    return answer(api.GET("/api/v1/boards", { params: { query } }));
  });
}

/** Returns one. */
export async function openBoard(board: string): Promise<Opened> {
  return opened(await answer(api.GET("/api/v1/boards/{board}", { params: { path: { board } } })));
}

/** Makes one in a context, and returns its id. */
export async function newBoard(context: string, title: string, cards: readonly NewCard[]): Promise<string> {
  const ops = cards.map((card): BoardOp => ({ op: "add_card", ...card }));
  const made = await answer(api.POST("/api/v1/boards", { body: { context, title, ops } }));
  return made.board.info.id;
}

/** Does something to one, and returns the change that it was; nothing where all stood there already. */
export async function act(board: string, done: Act): Promise<string | undefined> {
  const body = { ops: opsOf(done) };
  const changed = await answer(api.POST("/api/v1/boards/{board}/changes", { params: { path: { board } }, body }));
  return changed.change ?? undefined;
}

/** What came of taking a change back. */
export interface Undone {
  /** The change that took it back, which can be taken back itself. */
  change: string | undefined;
  /** What was left, as others set it since. */
  left: string[];
}

/** Takes a change of one back. */
export async function undo(board: string, change: string): Promise<Undone> {
  const undone = await answer(api.POST("/api/v1/boards/{board}/undo", { params: { path: { board } }, body: { change } }));
  return { change: undone.change ?? undefined, left: undone.left ?? [] };
}

/** Tells others that one is edited on this page, or is not any more; returns who of them edits it. */
export async function tellEditing(board: string, editing: boolean): Promise<UserName[]> {
  // A page that is left ends what it asked for, but not this.
  const said = { params: { path: { board } }, body: { editing }, keepalive: !editing };
  return (await answer(api.POST("/api/v1/boards/{board}/editing", said))).editors;
}

/** Returns the changes of one, the last one first, `most` at most. */
export function historyOf(board: string, most = 200): Promise<BoardChangeInfo[]> {
  return all<BoardChangeInfo>((cursor) => {
    const query = { limit: most, ...(cursor ? { cursor } : {}) };
    return answer(api.GET("/api/v1/boards/{board}/history", { params: { path: { board }, query } }));
  }, most);
}

/** Removes one. */
export async function removeBoard(board: string): Promise<void> {
  await answer(api.DELETE("/api/v1/boards/{board}", { params: { path: { board } } }));
}

/** Brings one back that was removed. */
export async function restoreBoard(board: string): Promise<void> {
  await answer(api.POST("/api/v1/boards/{board}/restore", { params: { path: { board } } }));
}

/** Makes one of one's own, in a context that one may write in, of what stands on another, and returns its id. */
export async function copyBoard(board: string, context: string): Promise<string> {
  const copied = await answer(api.POST("/api/v1/boards/{board}/copy", { params: { path: { board } }, body: { context } }));
  return copied.board.info.id;
}

function opened({ info, tabs, cards, params }: BoardView): Opened {
  const settings = Object.entries(params).map(([key, { default: value, ...setting }]) => {
    const read = readParams({ value });
    return [key, { ...setting, ...read }];
  });
  const { id, title, description } = info;
  return { info, board: { id, title, description, tabs, cards: cards.map(cardOf), params: Object.fromEntries(settings) } };
}

function cardOf({ map, fixed, ...card }: CardInfo): Card {
  return { ...card, names: map ?? {}, fixed: readParams(fixed) } as Card;
}

function opsOf(done: Act): BoardOp[] {
  switch (done.act) {
    case "title":
      return [{ op: "set_title", title: done.title }];
    case "description":
      return [{ op: "set_description", text: done.description }];
    case "tabs": {
      const put = (done.on?.ids ?? []).map((card) => ({ op: "update_card", card, tab: done.on?.tab ?? "" }) as BoardOp);
      return [{ op: "set_tabs", tabs: [...done.tabs] }, ...put];
    }
    case "add":
      return [{ op: "add_card", ...done.card }];
    case "move":
      return [{ op: "move_card", card: done.id, before: done.before }];
    case "remove":
      return [{ op: "remove_card", card: done.id }];
    case "pin":
      return [{ op: "pin_card", card: done.id, frame: done.frame }];
    case "param": {
      const { value, ...setting } = done.setting ?? {};
      const said = done.setting === null ? null : { ...setting, default: value ?? null };
      return [{ op: "set_param", param: done.key, setting: said } as BoardOp];
    }
    case "change": {
      const { span, height, names, ...said } = done.card;
      const ops: BoardOp[] = [];
      if (span !== undefined || height !== undefined) {
        ops.push({ op: "resize_card", card: done.id, span: span ?? null, height: height ?? null });
      }
      if (names !== undefined || Object.keys(said).length > 0) {
        ops.push({ op: "update_card", card: done.id, ...said, ...(names ? { map: names } : {}) } as BoardOp);
      }
      return ops;
    }
  }
}
