// Metrics over frames: which there are, and where their points lie.

/** A frame and the metrics that it has. */
export interface Measured {
  id: string;
  metrics: object;
}

/** A metric over frames, the oldest first. */
export interface Series {
  name: string;
  /** A value for each frame; absent where it has none that is a finite number. */
  values: (number | undefined)[];
  least: number;
  greatest: number;
}

/** Returns the metrics that two frames have at least, the most frequent first. */
export function seriesOf(frames: readonly Measured[]): Series[] {
  const names = new Set(frames.flatMap(({ metrics }) => Object.keys(metrics)));
  const all = [...names].map((name): Series => {
    const values = frames.map(({ metrics }) => {
      const value = (metrics as Record<string, unknown>)[name];
      return typeof value === "number" && Number.isFinite(value) ? value : undefined;
    });
    const known = values.filter((value) => value !== undefined);
    return { name, values, least: Math.min(...known), greatest: Math.max(...known) };
  });
  const many = ({ values }: Series) => values.filter((value) => value !== undefined).length;
  return all.filter((one) => many(one) >= 2).sort((a, b) => many(b) - many(a));
}

/** Where a value stands in a picture of some width and height. */
export interface Spot {
  at: number;
  x: number;
  y: number;
  value: number;
}

/** Returns the points of a series; runs of neighbours, parted where frames have no value. */
export function runsOf(series: Series, width: number, height: number, edge: number): Spot[][] {
  const { values, least, greatest } = series;
  const last = Math.max(1, values.length - 1);
  const span = greatest - least;
  const runs: Spot[][] = [];
  let open = false;
  values.forEach((value, at) => {
    if (value === undefined) {
      open = false;
      return;
    }
    const part = span === 0 ? 0.5 : (value - least) / span;
    const spot = {
      at,
      value,
      x: edge + (at / last) * (width - 2 * edge),
      y: height - edge - part * (height - 2 * edge),
    };
    if (open) runs.at(-1)?.push(spot);
    else runs.push([spot]);
    open = true;
  });
  return runs;
}

/** Returns a number in as many digits as matter. */
export function brief(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1e6 || (size < 1e-3 && size > 0) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
