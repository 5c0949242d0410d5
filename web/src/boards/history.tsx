// Who changed what on a dashboard, and when; each change can be taken back.

import { useState } from "preact/hooks";

import type { BoardInfo } from "../api/schema";
import { plain } from "../format";
import { useQuery } from "../live/query";
import { Avatar } from "../parts/avatar";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Known } from "../parts/states";
import { Time } from "../parts/time";
import { toast } from "../parts/toasts";
import { historyOf, undo } from "./calls";
import type { Dashboard } from "./model";
import { saidOf } from "./said";

/** Changes that are listed. */
const MOST = 200;

/** The history, in a dialog. */
export function History({ board, info, close }: { board: Dashboard; info: BoardInfo; close: () => void }) {
  const [busy, setBusy] = useState(false);
  const changes = useQuery(
    `history ${board.id}`,
    () => historyOf(board.id, MOST),
    (event) => event.event === "board.changed" && event.board === board.id,
  );
  const takeBack = async (change: string) => {
    setBusy(true);
    try {
      const { left } = await undo(board.id, change);
      toast(left.length > 0 ? "Taken back, but for what somebody changed since." : "Taken back.");
    } catch (error) {
      toast(`Not done: ${plain((error as Error).message)}`);
    }
    setBusy(false);
    changes.again();
  };
  return (
    <Dialog title="History" wide close={close}>
      <Known query={changes} lines={5}>
        {(known) => (
          <ul class="lines card history-of-board">
            {known.map(({ change, by, time, keys }) => (
              <li key={change} class="line row">
                <Avatar user={by.user} name={by.name} small />
                <span class="grow">
                  <b>{plain(by.name)}</b> <span class="muted">set</span> {plain(saidOf(keys, board.cards, "nothing that is shown"))}
                  <span class="muted small block">
                    <Time at={time} />
                  </span>
                </span>
                {info.writable && (
                  <button type="button" class="button" disabled={busy} onClick={() => void takeBack(change)}>
                    <Icon name="undo" size={16} /> Take back
                  </button>
                )}
              </li>
            ))}
            {known.length === 0 && <li class="line muted">Nothing was changed since it was begun anew.</li>}
          </ul>
        )}
      </Known>
      {info.set_aside > 0 && (
        <p class="muted">
          {info.set_aside} changes do not count: a device signed two different ones under one number.
        </p>
      )}
    </Dialog>
  );
}
