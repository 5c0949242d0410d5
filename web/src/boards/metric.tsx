// A number, how it changed, and how it went.

import type { FrameInfo, LogEntry } from "../api/schema";
import { plain } from "../format";

/** Frames that a line goes back. */
const FRAMES = 40;
const [WIDTH, HEIGHT] = [160, 36];

const format = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const change = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, signDisplay: "always" });

/** Shows a metric of a frame. */
export function Metric({ name, frame, history }: { name: string; frame: FrameInfo; history: readonly LogEntry[] }) {
  const value = (frame.metrics as Record<string, unknown>)[name];
  if (typeof value !== "number") {
    return <p class="note">The frame has no metric {plain(name)}.</p>;
  }
  const at = Math.max(0, history.findIndex(({ id }) => id === frame.id));
  const past = history
    .slice(at, at + FRAMES)
    .flatMap(({ metrics }) => (typeof metrics[name] === "number" ? [metrics[name]] : []))
    .toReversed();
  const before = past.at(-2);
  return (
    <div class="metric-value">
      <p>
        <b>{format.format(value)}</b>
        {before !== undefined && (
          <span class="muted">
            {change.format(value - before)} <span class="visually-hidden">since the frame before</span>
          </span>
        )}
      </p>
      {past.length > 1 && <Line values={past} />}
    </div>
  );
}

/** The way that a number went, for eyes alone: the numbers stand beside it. */
function Line({ values }: { values: readonly number[] }) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * WIDTH;
    const y = most === least ? HEIGHT / 2 : HEIGHT - ((value - least) / (most - least)) * HEIGHT;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox={`-2 -2 ${WIDTH + 4} ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
