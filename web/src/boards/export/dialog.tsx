// What of a dashboard can be taken along: one file that opens anywhere, or paper.

import { useState } from "preact/hooks";

import tokens from "../../styles/tokens.css?inline";
import { count, plain, size } from "../../format";
import { useQuery } from "../../live/query";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { Known } from "../../parts/states";
import type { Drawn } from "../../render/talk";
import type { Choice } from "../../widgets";
import type { Dashboard } from "../model";
import { collect, type DrawnCard, innerOf, type Piece, ROWS } from "./collect";
import { libraryOf } from "./libraries";
import { pageOf } from "./page";
import { save } from "./picture";

interface Made {
  file: Blob;
  pieces: Piece[];
}

/** Makes the file, says how large it is, and saves it. */
export function Export(props: {
  board: Dashboard;
  cards: DrawnCard[];
  choice: Choice;
  at: number | undefined;
  close: () => void;
}) {
  const { board, choice, at, close } = props;
  // What was shown when one asked for it, whatever comes meanwhile.
  const [cards] = useState(props.cards);
  const made = useQuery("export", async (): Promise<Made> => {
    const pieces = await collect(cards);
    const libraries = await librariesFor(pieces);
    const now = new Date();
    const { title, description } = board;
    const style = tokens.replace(/@font-face\s*\{[^}]*\}/g, "");
    const page = await pageOf({ title: title || "Dashboard", description, choice, at: at === undefined ? undefined : new Date(at), now, pieces, libraries, style });
    return { file: new Blob([page], { type: "text/html" }), pieces };
  });
  return (
    <Dialog title="Export" close={close}>
      <p>
        One file with all cards as they are now. It opens in any browser, without network and without dsp; what others
        made stays in frames that reach nothing.
      </p>
      <Known query={made} lines={3}>
        {({ file, pieces }) => {
          const notes = notesOn(pieces);
          return (
            <>
              {notes.length > 0 && (
                <ul class="export-notes">
                  {notes.map((note) => (
                    <li key={note}>{plain(note)}</li>
                  ))}
                </ul>
              )}
              <div class="dialog-ends">
                <button
                  type="button"
                  class="button"
                  onClick={() => {
                    close();
                    // Once the dialog is gone, as it would be printed too.
                    setTimeout(() => print());
                  }}
                >
                  Print
                </button>
                <button type="button" class="button primary" onClick={() => save(file, `${board.title || "dashboard"}.html`)}>
                  <Icon name="download" size={16} /> Save {size(file.size)}
                </button>
              </div>
            </>
          );
        }}
      </Known>
    </Dialog>
  );
}

/** Returns what draws the figures of cards. */
async function librariesFor(pieces: readonly Piece[]): Promise<ReadonlyMap<Drawn, string>> {
  const drawn = new Set(pieces.flatMap(({ part }) => innerOf(part)).flatMap((part) => (part.kind === "figure" ? [part.draw] : [])));
  const all = [...drawn].map(async (draw): Promise<[Drawn, string]> => [draw, JSON.stringify(await libraryOf(draw))]);
  return new Map(await Promise.all(all));
}

/** What is not in the file as it is on the page. */
function notesOn(pieces: readonly Piece[]): string[] {
  const all = pieces.flatMap(({ title, part }) => innerOf(part).map((part) => ({ title, part })));
  return all.flatMap(({ title, part }) => {
    switch (part.kind) {
      case "none":
        return [`${title}: ${part.why}`];
      case "table":
        return part.total > part.rows.length ? [`${title}: the first ${ROWS.toLocaleString("en")} of ${count(part.total, "row")}.`] : [];
      case "text":
        return part.cut ? [`${title}: its beginning alone.`] : [];
      case "file":
        return [`${title}: as a file to be saved, since no page shows it by itself.`];
      default:
        return [];
    }
  });
}
