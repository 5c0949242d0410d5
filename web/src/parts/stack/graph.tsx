import { Graph as Layered, layout } from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";

import { plain } from "../../format";
import type { Knot, Web } from "./lineage";

const WIDTH = 190;
const HEIGHT = 54;

/** The lineage as a picture: inputs to the left, what was made to the right. */
export function Graph({ web, chosen, choose }: { web: Web; chosen: string | undefined; choose: (knot: Knot) => void }) {
  const { places, paths, width, height } = useMemo(() => arrange(web), [web]);
  return (
    <div class="card lineage" tabIndex={0} role="region" aria-label="Lineage as a picture; the same stands below as a list">
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <defs>
          <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 8 4 0 8Z" />
          </marker>
        </defs>
        {paths.map((path) => (
          <path key={path} class="arrow" d={path} marker-end="url(#tip)" />
        ))}
        {places.map(({ knot, x, y }) => (
          <Box key={knot.id} knot={knot} x={x} y={y} chosen={knot.id === chosen} choose={() => choose(knot)} />
        ))}
      </svg>
    </div>
  );
}

function Box({ knot, x, y, chosen, choose }: { knot: Knot; x: number; y: number; chosen: boolean; choose: () => void }) {
  const inside = (
    <g class={`knot ${knot.side} ${knot.path === undefined ? "away" : ""} ${chosen ? "chosen" : ""}`} transform={`translate(${x},${y})`}>
      <rect width={WIDTH} height={HEIGHT} rx={8} />
      <foreignObject width={WIDTH} height={HEIGHT}>
        <div class="words">
          <b class="cut">{plain(knot.name)}</b>
          <span class="cut">{plain(knot.text)}</span>
        </div>
      </foreignObject>
    </g>
  );
  // The list below has links to the same for keys and readers of screens; a press with Ctrl opens it elsewhere.
  return knot.path === undefined ? (
    inside
  ) : (
    <a
      href={knot.path}
      tabIndex={-1}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        choose();
      }}
    >
      {inside}
    </a>
  );
}

function arrange(web: Web) {
  const graph = new Layered();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 56, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of web.knots) graph.setNode(id, { width: WIDTH, height: HEIGHT });
  for (const [from, to] of web.arrows) graph.setEdge(from, to);
  layout(graph);
  const places = web.knots.map((knot) => {
    const { x, y } = graph.node(knot.id) as { x: number; y: number };
    return { knot, x: x - WIDTH / 2, y: y - HEIGHT / 2 };
  });
  const at = new Map(places.map((place) => [place.knot.id, place]));
  const paths = web.arrows.flatMap(([from, to]) => {
    const [start, end] = [at.get(from), at.get(to)];
    if (start === undefined || end === undefined) return [];
    const [x1, y1, x2, y2] = [start.x + WIDTH, start.y + HEIGHT / 2, end.x, end.y + HEIGHT / 2];
    const middle = (x1 + x2) / 2;
    return [`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`];
  });
  const { width, height } = graph.graph() as { width: number; height: number };
  return { places, paths, width: Math.ceil(width), height: Math.ceil(height) };
}
