// A dashboard that is open: what the daemon knows of it, and what was done to it since.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { type Query, useQuery } from "../live/query";
import { toast } from "../parts/toasts";
import { type Act, after } from "./acts";
import { act, openBoard, type Opened } from "./calls";

/** Something that was done, and whether the daemon has it. */
interface Pending {
  act: Act;
  told: boolean;
}

/** Returns a dashboard as it is with all that was done to it here, and does more. */
export function useBoard(id: string): { query: Query<Opened>; perform: (done: Act) => void; saved: boolean } {
  const known = useQuery(
    `board ${id}`,
    () => openBoard(id),
    (event) => event.event === "board.changed" && event.board === id,
  );
  const pending = useSignal<readonly Pending[]>([]);
  useEffect(() => {
    pending.value = pending.value.filter(({ told }) => !told);
  }, [known.data]);
  const perform = (done: Act) => {
    const one = { act: done, told: false };
    pending.value = [...pending.value, one];
    act(id, done).then(
      () => {
        one.told = true;
        known.again();
      },
      (error: Error) => {
        pending.value = pending.value.filter((other) => other !== one);
        toast(`Not done: ${error.message}`);
      },
    );
  };
  const { data } = known;
  const board = data && pending.value.reduce((board, one) => after(board, one.act), data.board);
  const query = data && board ? { ...known, data: { ...data, board } } : known;
  return { query, perform, saved: pending.value.length === 0 };
}
