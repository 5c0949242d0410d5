import Plotly from "plotly.js-strict-dist-min";

import type { Picturer, Renderer } from "./main";
import { SCALE } from "./picture";
import type { Look } from "./talk";

/** Height in pixels of a figure that says none. */
const HEIGHT = 440;

interface Figure {
  data?: unknown;
  layout?: Layout;
  frames?: unknown;
}

interface Layout {
  [key: string]: unknown;
  height?: number;
  template?: { layout?: Record<string, unknown> };
}

/** Draws a figure of plotly. This build of the library runs no text as code. */
export const draw: Renderer = async (place, bytes, look) => {
  const figure = JSON.parse(new TextDecoder().decode(bytes)) as Figure;
  if (!Array.isArray(figure.data)) throw new Error("this is no figure of plotly: it has no data");
  const lacks = lacking(figure.data as Trace[]);
  const element = document.createElement("div");
  element.style.height = `${Math.min(Math.max(look.room ?? figure.layout?.height ?? HEIGHT, 80), 4000)}px`;
  if (look.room !== undefined && figure.layout !== undefined) delete figure.layout.height;
  place.append(element);
  await Plotly.newPlot(element, {
    data: figure.data,
    layout: looking(figure.layout ?? {}, look),
    frames: Array.isArray(figure.frames) ? figure.frames : [],
    // Nothing of it leads out, and a frame saves no files.
    config: {
      displaylogo: false,
      responsive: true,
      showLink: false,
      plotlyServerURL: "",
      // Outlines are taken from `PlotlyGeoAssets` before they are looked for anywhere.
      topojsonURL: "about:blank",
      modeBarButtonsToRemove: ["toImage", "sendDataToCloud"],
    },
  });
  if (lacks === undefined) return;
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = lacks;
  place.append(note);
};

/** Returns the figure as a picture. */
export const picture: Picturer = (place) => {
  const element = place.firstElementChild;
  if (!(element instanceof HTMLElement)) throw new Error("no figure is drawn");
  const { offsetWidth: width, offsetHeight: height } = element;
  return Plotly.toImage(element, { format: "png", width, height, scale: SCALE });
};

interface Trace {
  type?: string;
}

/** What a map would fetch from elsewhere, and what it is drawn with instead: nothing. */
const NOWHERE = {
  type: "Topology",
  arcs: [],
  objects: Object.fromEntries(
    ["coastlines", "land", "ocean", "lakes", "rivers", "countries", "subunits"].map((name) => [
      name,
      { type: "GeometryCollection", geometries: [] },
    ]),
  ),
};
Object.assign(globalThis, { PlotlyGeoAssets: { topojson: new Proxy({}, { get: () => NOWHERE }) } });

/** Says what of a map is not drawn, as figures load nothing from elsewhere. */
function lacking(traces: Trace[]): string | undefined {
  const types = traces.map(({ type }) => type ?? "");
  const outlines = "The outlines of lands are not in this figure and are not drawn: figures load nothing from elsewhere.";
  const tiles = "The map under this figure is on another site and is not drawn: figures load nothing from elsewhere.";
  if (types.some((type) => type === "choropleth" || type === "scattergeo")) return outlines;
  return types.some((type) => /map(box)?$/.test(type) && type !== "heatmap") ? tiles : undefined;
}

/** Has a figure look as the page does, where its author said nothing else. */
function looking(layout: Layout, { dark, ink, line, font }: Look): Layout {
  const clear = "rgba(0,0,0,0)";
  if (!dark) return { paper_bgcolor: clear, ...layout, font: { family: font, ...(layout.font as object) } };
  const known = layout.template?.layout ?? {};
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line };
  const template = {
    ...layout.template,
    layout: {
      ...known,
      paper_bgcolor: clear,
      plot_bgcolor: clear,
      font: { ...(known.font as object), color: ink, family: font },
      xaxis: { ...(known.xaxis as object), ...axis },
      yaxis: { ...(known.yaxis as object), ...axis },
    },
  };
  return { ...layout, template };
}
