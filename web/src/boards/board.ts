// A dashboard that is open: what the daemon knows of it, and what was done to it since.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { plain } from "../format";
import { type Query, useQuery } from "../live/query";
import { toast } from "../parts/toasts";
import { type Act, after } from "./acts";
import { act, openBoard, type Opened, undo } from "./calls";

/** Something that was done, and whether the daemon has it. */
interface Pending {
  act: Act;
  told: boolean;
}

/** A dashboard that is open. */
export interface Open {
  query: Query<Opened>;
  /** Does something. */
  perform: (done: Act) => void;
  /** Whether the daemon has all that was done. */
  saved: boolean;
  /** Takes back what was done last on this page; nothing where there is nothing. */
  back: (() => void) | undefined;
  /** Does again what was taken back last. */
  forth: (() => void) | undefined;
}

/** Returns a dashboard as it is with all that was done to it here, and does more. */
export function useBoard(id: string): Open {
  const known = useQuery(
    `board ${id}`,
    () => openBoard(id),
    (event) =>
      event.event === "context.changed" ||
      // A stack that comes, or is called otherwise, changes how its card stands.
      event.event === "stack.created" ||
      event.event === "stack.head_changed" ||
      // The address may have its first digits alone.
      (event.event === "board.changed" && event.board.startsWith(id)),
  );
  const pending = useSignal<readonly Pending[]>([]);
  /** Changes that can be taken back, and those that did so, the last ones last. */
  const done = useSignal<readonly string[]>([]);
  const undone = useSignal<readonly string[]>([]);
  const running = useSignal(0);
  // One after the other: what is done second may need what was done first.
  const last = useRef<Promise<unknown>>(Promise.resolve());
  useEffect(() => {
    pending.value = pending.value.filter(({ told }) => !told);
  }, [known.data]);

  const inTurn = (doing: () => Promise<void>) => {
    running.value += 1;
    last.current = last.current
      .then(doing)
      .catch((error: Error) => toast(`Not done: ${plain(error.message)}`))
      .then(() => {
        running.value -= 1;
        known.again();
      });
  };
  const perform = (what: Act) => {
    const one = { act: what, told: false };
    pending.value = [...pending.value, one];
    inTurn(async () => {
      try {
        const change = await act(id, what);
        one.told = true;
        if (change !== undefined) {
          done.value = [...done.value, change];
          undone.value = [];
        }
      } catch (error) {
        pending.value = pending.value.filter((other) => other !== one);
        throw error;
      }
    });
  };
  const takeBack = (from: typeof done, to: typeof done) => () => {
    const change = from.value.at(-1);
    if (change === undefined) return;
    from.value = from.value.slice(0, -1);
    inTurn(async () => {
      const taken = await undo(id, change);
      if (taken.change !== undefined) to.value = [...to.value, taken.change];
      if (taken.left.length > 0) toast("Some of it was left as it is: somebody changed it since.");
    });
  };
  const { data } = known;
  const board = data && pending.value.reduce((board, one) => after(board, one.act), data.board);
  return {
    query: data && board ? { ...known, data: { ...data, board } } : known,
    perform,
    saved: pending.value.length === 0 && running.value === 0,
    back: done.value.length > 0 ? takeBack(done, undone) : undefined,
    forth: undone.value.length > 0 ? takeBack(undone, done) : undefined,
  };
}
