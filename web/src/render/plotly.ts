import Plotly from "plotly.js-strict-dist-min";

import type { Renderer } from "./main";
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
  const element = document.createElement("div");
  element.style.height = `${Math.min(Math.max(figure.layout?.height ?? HEIGHT, 80), 4000)}px`;
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
      topojsonURL: "about:blank",
      modeBarButtonsToRemove: ["toImage", "sendDataToCloud"],
    },
  });
};

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
