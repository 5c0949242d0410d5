import type { Renderer } from "./main";

/** Where the prebuilt files are, which no bundler can take apart. */
const FILES = "/assets/bokeh-3.10.0";
const ALWAYS = ["bokeh", "bokeh-widgets", "bokeh-tables"];

interface Bokeh {
  embed: { embed_item: (item: object, target: string) => Promise<unknown> };
}

/** Draws a document of Bokeh. Code that it brings runs where the policy of the frame lets it. */
export const draw: Renderer = async (place, bytes, { dark, ink }) => {
  const text = new TextDecoder().decode(bytes);
  const item = JSON.parse(text) as { doc?: { version?: string }; root_id?: unknown };
  if (item.doc === undefined || item.root_id === undefined) throw new Error("this is no document of Bokeh");
  for (const name of text.includes('"webgl"') ? [...ALWAYS, "bokeh-gl"] : ALWAYS) await load(name);
  const { Bokeh } = globalThis as unknown as { Bokeh: Bokeh };
  const element = document.createElement("div");
  element.id = "bokeh";
  element.className = "bk-figure";
  if (dark) element.style.color = ink;
  place.append(element);
  await Bokeh.embed.embed_item({ ...item, target_id: "bokeh" }, "bokeh");
};

const loaded = new Map<string, Promise<void>>();

function load(name: string): Promise<void> {
  const known = loaded.get(name);
  if (known) return known;
  const coming = new Promise<void>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${FILES}/${name}.min.js`;
    script.crossOrigin = "anonymous";
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${script.src} does not load`));
    document.head.append(script);
  });
  loaded.set(name, coming);
  return coming;
}
