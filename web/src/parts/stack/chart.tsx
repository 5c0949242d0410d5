// Metrics over frames: a small picture each, and all of it as a table.

import { useMemo, useState } from "preact/hooks";

import type { LogEntry } from "../../api/schema";
import { brief, runsOf, type Series, seriesOf } from "../../chart";
import { plain, short } from "../../format";
import { stackPath, type StackPlace } from "../../ref";
import { Columns } from "../columns";
import { Time } from "../time";

const WIDTH = 320;
const HEIGHT = 96;
const EDGE = 8;
/** Pictures that are shown at first. */
const FIRST = 6;

/** The metrics of a stack over its frames. */
export function Chart({ entries, place, shown }: { entries: LogEntry[]; place: StackPlace; shown: string }) {
  const frames = useMemo(() => entries.toReversed(), [entries]);
  const series = useMemo(() => seriesOf(frames), [frames]);
  const [all, setAll] = useState(false);
  if (series.length === 0) return null;
  return (
    <section class="grid-gap">
      <h2>Metrics</h2>
      <div class="charts">
        {series.slice(0, all ? undefined : FIRST).map((one, index) => (
          <One key={one.name} series={one} frames={frames} place={place} shown={shown} colour={(index % 4) + 1} />
        ))}
      </div>
      {series.length > FIRST && !all && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {series.length} metrics
        </button>
      )}
      <details>
        <summary>Metrics as a table</summary>
        <div class="card scroll" tabIndex={0} role="region" aria-label="Metrics as a table">
          <table class="list">
            <Columns names={["Frame"]} numbers={series.map(({ name }) => plain(name))} />
            <tbody>
              {frames.map((frame, at) => (
                <tr key={frame.id}>
                  <th scope="row">
                    <a class="link" href={stackPath({ ...place, rev: frame.id })}>
                      {short(frame.id)}
                    </a>
                  </th>
                  {series.map(({ name, values }) => (
                    <td class="right" key={name}>
                      {values[at] === undefined ? "–" : brief(values[at])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

interface OneProps {
  series: Series;
  frames: LogEntry[];
  place: StackPlace;
  shown: string;
  colour: number;
}

function One({ series, frames, place, shown, colour }: OneProps) {
  const runs = useMemo(() => runsOf(series, WIDTH, HEIGHT, EDGE), [series]);
  const spots = runs.flat();
  const current = frames.findIndex(({ id }) => id === shown);
  const [over, setOver] = useState<number>();
  const at = over ?? current;
  const spot = spots.find((one) => one.at === at) ?? spots.at(-1);
  const frame = spot && frames[spot.at];
  const first = spots[0]?.value ?? 0;
  const latest = spots.at(-1)?.value ?? 0;
  const said = `${plain(series.name)}, ${spots.length} values from ${brief(first)} to ${brief(latest)}, between ${brief(series.least)} and ${brief(series.greatest)}`;
  const nearest = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    const by = (one: (typeof spots)[number]) => Math.abs(one.x - x);
    return spots.reduce((best, one) => (by(one) < by(best) ? one : best), spots[0]!);
  };
  return (
    <figure class="card chart" style={{ "--series": `var(--data-${colour})` }}>
      <figcaption>
        <b class="cut">{plain(series.name)}</b>
        <span class="value">{spot === undefined ? "" : brief(spot.value)}</span>
        <span class="meta">
          {frame && (
            <>
              <code>{short(frame.id)}</code>
              {frame.time && <Time at={frame.time} />}
            </>
          )}
        </span>
      </figcaption>
      <a
        href={stackPath(frame ? { ...place, rev: frame.id } : place)}
        aria-label={`${said}. Open frame ${frame ? short(frame.id) : ""}`}
      >
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          aria-hidden="true"
          onPointerMove={(event) => setOver(nearest(event).at)}
          onPointerLeave={() => setOver(undefined)}
        >
          <line class="base" x1={0} x2={WIDTH} y1={HEIGHT - EDGE} y2={HEIGHT - EDGE} />
          {runs.map((run) => {
            const line = run.map(({ x, y }) => `${x},${y}`).join(" ");
            const [from, to] = [run[0]!, run.at(-1)!];
            return (
              <g key={from.at}>
                <polygon points={`${from.x},${HEIGHT - EDGE} ${line} ${to.x},${HEIGHT - EDGE}`} />
                <polyline points={line} />
              </g>
            );
          })}
          {spot && <line class="mark" x1={spot.x} x2={spot.x} y1={0} y2={HEIGHT} />}
        </svg>
        {spot && (
          <span class="point" style={{ left: `${(spot.x / WIDTH) * 100}%`, top: `${(spot.y / HEIGHT) * 100}%` }} />
        )}
      </a>
      <p class="ends muted">
        <span>{brief(series.least)} least</span>
        <span>{brief(series.greatest)} greatest</span>
      </p>
    </figure>
  );
}
