// A dashboard as it is on paper: every tab below the other, and nothing to press.

import { moment, plain } from "../format";
import { Icon } from "../parts/icon";
import type { Choice } from "../widgets";
import type { Opened } from "./calls";
import { CardView } from "./card";
import type { DrawnCard } from "./export/collect";

/** The whole of it, for paper. */
export function Printed(props: {
  opened: Opened;
  cards: DrawnCard[];
  choice: Choice;
  at: number | undefined;
  choose: (choice: Choice) => void;
  /** The address of the dashboard itself. */
  back: string;
}) {
  const { opened: { board, info }, cards, choice, at, choose, back } = props;
  const chosen = Object.entries(choice).map(([key, value]) => `${plain(board.params[key]?.label ?? key)} ${plain(String(value))}`);
  return (
    <div class="printed">
      <div class="row wrap unprinted" role="toolbar" aria-label="Paper">
        <a class="button" href={back}>
          <Icon name="left" size={16} /> Back to the dashboard
        </a>
        <button type="button" class="button primary" onClick={() => print()}>
          <Icon name="printer" size={16} /> Print
        </button>
      </div>
      <header>
        <h1>{plain(board.title || "Dashboard")}</h1>
        {board.description !== "" && <p class="message">{plain(board.description)}</p>}
        <p class="meta">
          <span>by {plain(info.creator.name)}</span>
          <span>as it was {moment(new Date(at ?? Date.now()))}</span>
          {chosen.length > 0 && <span>{chosen.join(" · ")}</span>}
        </p>
      </header>
      <div class="board">
        {cards.map((drawn) => (
          <div key={drawn.card.id} class={`board-cell ${drawn.card.height}`} style={{ "--span": drawn.card.span }}>
            <CardView {...drawn} choose={choose} comments={0} discuss={() => undefined} tools={<></>} />
          </div>
        ))}
      </div>
    </div>
  );
}
