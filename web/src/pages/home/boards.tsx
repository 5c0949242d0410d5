// The dashboards that were pinned, each with what its cards look like from afar.

import { openBoard, type Opened } from "../../boards/calls";
import type { Card } from "../../boards/model";
import { pin, pinned } from "../../boards/pins";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { Bones } from "../../parts/states";
import { Time } from "../../parts/time";

/** Pinned dashboards; nothing where none are. */
export function Boards() {
  if (pinned.value.length === 0) return null;
  return (
    <Section title="Dashboards" id="pinned" end={<a class="link small" href="/dashboards">all dashboards</a>}>
      <ul class="cards">
        {pinned.value.map((board) => (
          <Board key={board} board={board} />
        ))}
      </ul>
    </Section>
  );
}

function Board({ board }: { board: string }) {
  const known = useQuery(
    `board ${board}`,
    () => openBoard(board),
    (event) => event.event === "context.changed" || (event.event === "board.changed" && event.board === board),
  );
  if (known.data === undefined) {
    return (
      <li class="card grid-pad">
        {known.error === undefined ? (
          <Bones lines={3} />
        ) : (
          <div class="grid-gap">
            <p class="muted">A pinned dashboard is not here any more.</p>
            <button type="button" class="button" onClick={() => pin(board, false)}>
              Take it from Home
            </button>
          </div>
        )}
      </li>
    );
  }
  return (
    <li>
      <Pinned opened={known.data} />
    </li>
  );
}

function Pinned({ opened: { info, board } }: { opened: Opened }) {
  return (
    <a class="card context" href={`/d/${board.id}`}>
      <Afar cards={board.cards} />
      <b class="cut">{plain(board.title || "Dashboard")}</b>
      <span class="meta small">
        <Icon name="pin" size={12} />
        <span>{plain(info.creator.name)}</span>
        <Time at={info.changed ?? info.made} />
      </span>
    </a>
  );
}

/** Rows of the grid that are drawn. */
const ROWS = 5;
const HEIGHTS: Record<Card["height"], number> = { auto: 2, s: 1, m: 2, l: 2, xl: 3 };

/** A dashboard from afar: where its cards stand, for eyes alone. */
export function Afar({ cards }: { cards: readonly Card[] }) {
  const blocks: { id: string; kind: Card["kind"]; x: number; y: number; width: number; height: number }[] = [];
  let [x, y, lowest] = [0, 0, 0];
  for (const { id, kind, span, height: said } of cards) {
    const width = kind === "divider" ? 12 : span;
    const height = kind === "divider" ? 0.3 : HEIGHTS[said];
    if (x + width > 12) [x, y, lowest] = [0, y + lowest, 0];
    if (y >= ROWS) break;
    blocks.push({ id, kind, x, y, width, height });
    x += width;
    lowest = Math.max(lowest, height);
  }
  return (
    <svg class="afar" viewBox={`0 0 120 ${ROWS * 12}`} preserveAspectRatio="xMidYMin slice" aria-hidden="true">
      {blocks.map(({ id, kind, x, y, width, height }) => (
        <rect key={id} class={`of-${kind}`} x={x * 10 + 1} y={y * 12 + 1} width={width * 10 - 2} height={Math.max(1, height * 12 - 2)} rx="2" />
      ))}
    </svg>
  );
}
