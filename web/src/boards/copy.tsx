// A dashboard of one's own, of what stands on another.

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { plain } from "../format";
import { useQuery } from "../live/query";
import { Dialog } from "../parts/dialog";
import { Known } from "../parts/states";
import { listContexts } from "../stacks";
import { boardPath } from "./address";
import { copyBoard } from "./calls";

/** Asks where the copy is to be, and makes it. */
export function Duplicate({ board, context, close }: { board: string; context: string; close: () => void }) {
  const { route } = useLocation();
  const contexts = useQuery("contexts to copy to", async () =>
    (await listContexts()).filter(({ role, state }) => (role === "owner" || role === "writer") && state !== "closed"),
  );
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  return (
    <Dialog title="Duplicate this dashboard" close={close}>
      <Known query={contexts} lines={2}>
        {(known) => {
          const first = known.find(({ id }) => id === context) ?? known.find(({ current }) => current) ?? known[0];
          const to = chosen ?? first?.id;
          if (to === undefined) return <p>You may write into no context here, so there is no place for a copy.</p>;
          const make = async (event: Event) => {
            event.preventDefault();
            try {
              const copy = await copyBoard(board, to);
              close();
              route(boardPath(copy, "edit"));
            } catch (error) {
              setProblem((error as Error).message);
            }
          };
          return (
            <form class="grid-gap" onSubmit={(event) => void make(event)}>
              <p>The copy is yours; what is changed on it changes nothing on this one. Who follows the context sees it.</p>
              <label class="labelled">
                <span>In the context</span>
                <select class="field" value={to} onChange={(event) => setChosen(event.currentTarget.value)}>
                  {known.map(({ id, label }) => (
                    <option key={id} value={id}>
                      {plain(label)}
                    </option>
                  ))}
                </select>
              </label>
              {problem !== undefined && (
                <p class="said" role="alert">
                  {plain(problem)}
                </p>
              )}
              <div class="dialog-ends">
                <button class="button primary">Duplicate</button>
              </div>
            </form>
          );
        }}
      </Known>
    </Dialog>
  );
}
