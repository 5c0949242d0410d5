import embed, { type EmbedOptions, type VisualizationSpec } from "vega-embed";
import { expressionInterpreter } from "vega-interpreter";

import type { Renderer } from "./main";

/** Draws a chart of Vega or Vega-Lite. Its expressions are interpreted, and nothing is loaded. */
export const draw: Renderer = async (place, bytes, { dark, ink, line, font }) => {
  const spec = JSON.parse(new TextDecoder().decode(bytes)) as VisualizationSpec & { usermeta?: unknown };
  // It could ask for other options.
  delete spec.usermeta;
  const asked: string[] = [];
  const element = document.createElement("div");
  place.append(element);
  const plain = { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line };
  const options: EmbedOptions = {
    actions: false,
    renderer: "svg",
    ast: true,
    expr: expressionInterpreter,
    loader: nothing(asked),
    tooltip: { theme: dark ? "dark" : "light" },
    config: {
      background: "transparent",
      font,
      ...(dark ? { axis: plain, legend: plain, title: { color: ink }, header: plain, view: { stroke: line } } : {}),
    },
  };
  await embed(element, spec, options);
  if (asked.length > 0) {
    throw new Error(`the chart asks for ${asked[0]}, which is not in it: figures load nothing from elsewhere`);
  }
};

/** A loader that gives nothing but pictures which are in the chart itself. */
function nothing(asked: string[]) {
  const refuse = (uri: string) => {
    asked.push(uri);
    return Promise.reject(new Error("figures load nothing from elsewhere"));
  };
  return {
    load: refuse,
    http: refuse,
    file: refuse,
    sanitize: (uri: string) =>
      uri.startsWith("data:image/") ? Promise.resolve({ href: uri }) : refuse(uri),
  } as unknown as NonNullable<EmbedOptions["loader"]>;
}
