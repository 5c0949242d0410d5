// What the scripts of an exported file do. They stand in it as text: the file is a page of its own,
// with nothing of these pages around it.

/**
 * Draws the figures of an exported file: hands each frame what it draws, and makes it as high as
 * that is. Frames have no origin; they are known by their window.
 */
export function handOver(): void {
  const bytesIn = (id: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(document.getElementById(id)?.textContent ?? ""), (letter) => letter.charCodeAt(0));
  const frames = [...document.querySelectorAll<HTMLIFrameElement>("iframe[data-draw]")];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const style = getComputedStyle(document.body);
  const look = { dark, ink: style.color, line: dark ? "#282c35" : "#e5e7ec", font: style.fontFamily };
  const begin = (frame: HTMLIFrameElement) => {
    const { draw = "", bytes = "" } = frame.dataset;
    const named = `library-${draw}`;
    const modules = JSON.parse(new TextDecoder().decode(bytesIn(named))) as unknown;
    frame.contentWindow?.postMessage({ modules, bytes: bytesIn(bytes).buffer, look }, "*");
  };
  addEventListener("message", ({ source, data }: MessageEvent<{ dsp?: unknown; height?: unknown }>) => {
    const frame = frames.find(({ contentWindow }) => contentWindow === source);
    if (frame === undefined) return;
    if (data.dsp === "ready") begin(frame);
    if (data.dsp === "drawn" && typeof data.height === "number") {
      frame.style.height = `${Math.min(Math.max(data.height, 40), 4000)}px`;
    }
    if (data.dsp === "failed") frame.replaceWith("This figure could not be drawn.");
  });
  for (const frame of frames) frame.srcdoc = frame.dataset.page ?? "";
}

/** Draws what the page around a frame hands it, with the modules that come along. */
export function drawInFrame(): void {
  const place = document.getElementById("figure") as HTMLElement;
  const say = (said: object) => parent.postMessage(said, "*");
  const failed = (reason: unknown) => {
    if (!String(reason).includes("ResizeObserver")) say({ dsp: "failed", reason: String(reason) });
  };
  let height = 0;
  const measure = () => {
    const now = Math.ceil(place.scrollHeight);
    if (now === height || place.childElementCount === 0) return;
    height = now;
    say({ dsp: "drawn", height });
  };
  interface Module {
    name: string;
    text: string;
    /** Whether it is a script, which is run before all modules. */
    script: boolean;
  }
  const run = (url: string, type: string) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.type = type;
      script.src = url;
      script.onload = resolve;
      script.onerror = () => reject(new Error("a script does not load"));
      document.head.append(script);
    });
  const draw = async (data: { modules: Module[]; bytes: ArrayBuffer; look: { dark: boolean; ink: string; font: string } }) => {
    const root = document.documentElement;
    root.style.colorScheme = data.look.dark ? "dark" : "light";
    root.style.color = data.look.ink;
    root.style.fontFamily = data.look.font;
    // What is needed comes before what needs it.
    const urls = new Map<string, string>();
    const urlOf = (text: string) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    let last = "";
    for (const { name, text, script } of data.modules) {
      const whole = text.replace(/(["'`])\.\/([\w.-]+\.js)\1/g, (said, quote: string, other: string) => {
        const url = urls.get(other);
        return url === undefined ? said : `${quote}${url}${quote}`;
      });
      last = urlOf(whole);
      urls.set(name, last);
      if (script) await run(last, "text/javascript");
    }
    // No `import()` here: the build would have it call what is not in the file.
    await run(urlOf(`import { draw } from "${last}"; globalThis.dspDraw = draw;`), "module");
    const { dspDraw } = globalThis as unknown as { dspDraw: (place: HTMLElement, bytes: ArrayBuffer, look: object) => Promise<void> };
    await dspDraw(place, data.bytes, data.look);
    measure();
  };
  let begun = false;
  addEventListener("message", ({ source, data }: MessageEvent<Parameters<typeof draw>[0]>) => {
    if (source !== parent || begun) return;
    begun = true;
    draw(data).catch(failed);
  });
  addEventListener("error", ({ message }) => failed(message));
  addEventListener("unhandledrejection", ({ reason }) => failed(reason));
  new ResizeObserver(measure).observe(place);
  say({ dsp: "ready" });
}
