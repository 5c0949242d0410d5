// The frame that draws figures of others. It runs in a sandbox and has no origin, no network and no
// cookies: what it draws, the page around it hands over, and it tells how high that is.

import type { Draw, Drawn, Look, Said } from "./talk";
import "./render.css";

/** Draws bytes into an element; calls `redraw` again when the page looks otherwise. */
export type Renderer = (place: HTMLElement, bytes: ArrayBuffer, look: Look) => Promise<void>;
/** Returns what was drawn into an element as the address of a picture that holds it. */
export type Picturer = (place: HTMLElement) => Promise<string>;

const RENDERERS: Record<Drawn, () => Promise<{ draw: Renderer; picture?: Picturer }>> = {
  plotly: () => import("./plotly").then(({ draw, picture }) => ({ draw, picture })),
  vega: () => import("./vega").then(({ draw, picture }) => ({ draw, picture })),
  bokeh: () => import("./bokeh").then(({ draw, picture }) => ({ draw, picture })),
  html: () => import("./html").then(({ draw }) => ({ draw })),
};

const place = document.getElementById("figure") as HTMLElement;
let last: Draw | undefined;
let height = 0;

// Only the page around this frame is heard, whatever else knows of it.
addEventListener("message", ({ source, data }: MessageEvent<Partial<Draw> & { picture?: true }>) => {
  if (source !== parent) return;
  if (data.picture === true && last !== undefined) void picture(last);
  if (data.look === undefined) return;
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
    await renderer.draw(place, bytes, look);
    height = 0;
    measure();
  } catch (error) {
    failed(error instanceof Error ? error.message : String(error));
  }
}

async function picture({ draw }: Draw): Promise<void> {
  try {
    const { picture } = await RENDERERS[draw]();
    say({ dsp: "picture", url: await picture?.(place) });
  } catch (error) {
    say({ dsp: "picture", url: undefined });
    throw error;
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
