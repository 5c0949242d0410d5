// The frame that draws figures of others. It runs in a sandbox and has no origin, no network and no
// cookies: what it draws, the page around it hands over, and it tells how high that is.

import type { Draw, Drawn, Look, Said } from "./talk";
import "./render.css";

/** Draws bytes into an element; calls `redraw` again when the page looks otherwise. */
export type Renderer = (place: HTMLElement, bytes: ArrayBuffer, look: Look) => Promise<void>;

const RENDERERS: Record<Drawn, () => Promise<Renderer>> = {
  plotly: () => import("./plotly").then((module) => module.draw),
  vega: () => import("./vega").then((module) => module.draw),
  bokeh: () => import("./bokeh").then((module) => module.draw),
  html: () => import("./html").then((module) => module.draw),
};

const place = document.getElementById("figure") as HTMLElement;
let last: Draw | undefined;
let height = 0;

// Only the page around this frame is heard, whatever else knows of it.
addEventListener("message", ({ source, data }: MessageEvent<Partial<Draw>>) => {
  if (source !== parent || data.look === undefined) return;
  if (data.draw !== undefined && data.bytes !== undefined) last = data as Draw;
  else if (last !== undefined) last.look = data.look;
  if (last !== undefined) void draw(last);
});
addEventListener("error", ({ message }) => failed(message));
addEventListener("unhandledrejection", ({ reason }: PromiseRejectionEvent) => failed(String(reason)));
new ResizeObserver(measure).observe(place);
say({ dsp: "ready" });

async function draw({ draw, bytes, look, letters }: Draw): Promise<void> {
  if (letters !== undefined && document.fonts.size === 0) {
    const face = new FontFace("Inter Variable", letters, { weight: "100 900" });
    // Without them the figure is drawn in those of the system.
    await face.load().then(() => document.fonts.add(face), () => undefined);
  }
  const root = document.documentElement;
  root.style.colorScheme = look.dark ? "dark" : "light";
  root.style.color = look.ink;
  root.style.fontFamily = look.font;
  place.replaceChildren();
  try {
    const renderer = await RENDERERS[draw]();
    await renderer(place, bytes, look);
    height = 0;
    measure();
  } catch (error) {
    failed(error instanceof Error ? error.message : String(error));
  }
}

function measure(): void {
  const now = Math.ceil(place.scrollHeight);
  if (last === undefined || now === height || place.childElementCount === 0) return;
  height = now;
  say({ dsp: "drawn", height });
}

function failed(reason: string): void {
  // Browsers say so of every layout that takes two steps.
  if (!reason.includes("ResizeObserver")) say({ dsp: "failed", reason });
}

function say(said: Said): void {
  parent.postMessage(said, "*");
}
