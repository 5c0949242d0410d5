// A card as a picture: what is drawn on the page, drawn once more into one.

import { bytesOfUrl, dataUrl } from "../../parts/bytes";

/** Pixels of the picture for one of the page. */
const SCALE = 2;
/** What is for hands alone, and not in a picture. */
const GONE = ".board-card > header button, .table-tools, .visually-hidden, script";
/** How long a frame may take to draw itself, in milliseconds. */
const PATIENCE = 10_000;

/** Saves bytes as a file. */
export function save(bytes: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(bytes);
  link.download = name.replace(/[\\/:*?"<>|]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Returns a picture of an element as it is drawn now. */
export async function pictureOf(element: HTMLElement): Promise<Blob> {
  const { width, height } = element.getBoundingClientRect();
  const clone = element.cloneNode(true) as HTMLElement;
  await Promise.all([stillFrames(element, clone), holdPictures(clone)]);
  for (const gone of clone.querySelectorAll(GONE)) gone.remove();
  Object.assign(clone.style, { width: `${width}px`, height: `${height}px`, margin: "0" });
  scrolledAs(element, clone);

  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  for (const [name, value] of Object.entries(document.documentElement.dataset)) svg.dataset[name] = value;
  svg.style.colorScheme = isDark() ? "dark" : "light";
  const inside = document.createElementNS(ns, "foreignObject");
  inside.setAttribute("width", "100%");
  inside.setAttribute("height", "100%");
  const style = document.createElement("style");
  style.textContent = styleOf();
  const body = document.createElement("div");
  body.style.cssText = `font: ${getComputedStyle(document.body).font}; color: ${getComputedStyle(document.body).color}; background: var(--surface)`;
  body.append(clone);
  inside.append(style, body);
  svg.append(inside);
  const text = new XMLSerializer().serializeToString(svg);
  return drawn(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`, width, height);
}

async function drawn(url: string, width: number, height: number): Promise<Blob> {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * SCALE), Math.ceil(height * SCALE)];
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("the browser draws nothing");
  context.scale(SCALE, SCALE);
  context.drawImage(picture, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser makes no picture"))), "image/png");
  });
}

/** Puts in the place of frames what is drawn in them. */
async function stillFrames(element: HTMLElement, clone: HTMLElement): Promise<void> {
  const copies = [...clone.querySelectorAll("iframe")];
  const frames = [...element.querySelectorAll("iframe")];
  await Promise.all(
    frames.map(async (frame, at) => {
      const still = document.createElement(frame.classList.contains("figure") ? "img" : "p");
      if (still instanceof HTMLImageElement) {
        still.src = await stillOf(frame);
        still.style.cssText = `display: block; width: 100%; height: ${frame.offsetHeight}px`;
      } else {
        still.className = "note";
        still.textContent = "A page of its own, which cannot be drawn into a picture.";
      }
      copies[at]?.replaceWith(still);
    }),
  );
}

/** Asks a frame to draw itself as a picture. */
function stillOf(frame: HTMLIFrameElement): Promise<string> {
  return new Promise((resolve, reject) => {
    const end = () => {
      removeEventListener("message", hear);
      clearTimeout(late);
    };
    const hear = ({ source, data }: MessageEvent<{ dsp?: unknown; url?: unknown; reason?: unknown }>) => {
      if (source !== frame.contentWindow || data.dsp !== "picture") return;
      end();
      // It may say anything, where code of others runs in it.
      if (typeof data.url === "string" && data.url.startsWith("data:image/png;base64,")) resolve(data.url);
      else reject(new Error("the figure draws no picture"));
    };
    const late = setTimeout(() => {
      end();
      reject(new Error("the figure does not answer"));
    }, PATIENCE);
    addEventListener("message", hear);
    frame.contentWindow?.postMessage({ picture: true }, "*");
  });
}

/** Has pictures hold their bytes: a picture in a picture loads nothing. */
async function holdPictures(clone: HTMLElement): Promise<void> {
  const pictures = [...clone.querySelectorAll("img")].filter((picture) => !picture.src.startsWith("data:"));
  await Promise.all(
    pictures.map(async (picture) => {
      picture.src = await dataUrl(await bytesOfUrl(picture.src));
      picture.removeAttribute("loading");
    }),
  );
}

/** Moves what was scrolled, which a picture does not keep. */
function scrolledAs(element: HTMLElement, clone: HTMLElement): void {
  const copies = [...clone.querySelectorAll<HTMLElement>("*")];
  const all = [...element.querySelectorAll<HTMLElement>("*")];
  if (copies.length !== all.length) return;
  for (const [at, one] of all.entries()) {
    const first = copies[at]?.firstElementChild;
    if (one.scrollTop > 0 && first instanceof HTMLElement) first.style.marginTop = `${-one.scrollTop}px`;
  }
}

/** Returns all rules of the page; letters are those of the machine, as a picture loads none. */
function styleOf(): string {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map(({ cssText }) => cssText));
  return `${rules.filter((rule) => !rule.startsWith("@font-face")).join("\n")}\n* { overflow: hidden !important; }`;
}

function isDark(): boolean {
  const scheme = getComputedStyle(document.documentElement).colorScheme;
  return scheme === "dark" || (scheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}
