import { describe, expect, it } from "vitest";

import { brief, runsOf, seriesOf } from "./chart";

describe("metrics over frames", () => {
  const frames = [
    { id: "a", metrics: { auc: 0.5, loss: "nan", once: 1 } },
    { id: "b", metrics: { loss: 2 } },
    { id: "c", metrics: { auc: 0.9, loss: 1 } },
    { id: "d", metrics: { auc: 0.7, loss: 1 } },
  ];

  it("are those with two numbers at least", () => {
    const series = seriesOf(frames);
    expect(series.map(({ name }) => name)).toEqual(["auc", "loss"]);
    expect(series[0]?.values).toEqual([0.5, undefined, 0.9, 0.7]);
    expect(series[0]).toMatchObject({ least: 0.5, greatest: 0.9 });
    expect(series[1]?.values[0]).toBeUndefined();
  });

  it("are parted where a frame has none, and fill the picture", () => {
    const [auc] = seriesOf(frames);
    const runs = runsOf(auc!, 100, 50, 5);
    expect(runs.map((run) => run.map(({ at }) => at))).toEqual([[0], [2, 3]]);
    expect(runs[0]?.[0]).toMatchObject({ x: 5, y: 45 });
    expect(runs[1]?.[0]).toMatchObject({ y: 5 });
    expect(runs[1]?.[1]?.x).toBe(95);
    const flat = runsOf(seriesOf([{ id: "a", metrics: { x: 1 } }, { id: "b", metrics: { x: 1 } }])[0]!, 100, 50, 5);
    expect(flat[0]?.map(({ y }) => y)).toEqual([25, 25]);
  });

  it("are written in the digits that matter", () => {
    expect([0.123456, 1200, 1e-9, 12345678901].map(brief)).toEqual(["0.1235", "1,200", "1.00e-9", "1.23e+10"]);
  });
});
