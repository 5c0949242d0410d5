// A figure of others, drawn in a frame that reaches nothing.

import inter from "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2?url";
import { useEffect, useRef, useState } from "preact/hooks";

import { bringsCode } from "../code";
import { plain } from "../format";
import { useQuery } from "../live/query";
import type { Draw, Drawn, Look, Said } from "../render/talk";
import { isDark } from "../theme";
import { useScripts } from "../trust";
import { bytesOf } from "./bytes";
import { Asks, Raw } from "./leave";
import type { Shown } from "./show";
import { Bones, Known } from "./states";

/** How long a frame may take to say something, in milliseconds. */
const PATIENCE = 30_000;
/** How high a frame is drawn, in pixels, whatever it says. */
const MOST = 4000;

/** The figures of a library. */
export function figure(draw: Drawn) {
  return function Figure({ file, reference }: Shown) {
    const bytes = useQuery(`bytes ${file.hash}`, () => bytesOf(reference));
    return (
      <Known query={bytes} lines={8}>
        {(known) =>
          draw === "bokeh" ? (
            <WithCode bytes={known} shown={{ file, reference }} />
          ) : (
            <Frame draw={draw} bytes={known} shown={{ file, reference }} />
          )
        }
      </Known>
    );
  };
}

/** A document of Bokeh, which may bring code: that runs as its author is trusted. */
function WithCode({ bytes, shown }: { bytes: ArrayBuffer; shown: Shown }) {
  const scripts = useScripts(shown.reference);
  if (!scripts.known) return <Bones lines={8} />;
  const brings = bringsCode(bytes);
  const runs = brings && scripts.leave !== "none";
  return (
    <>
      {brings && <Asks scripts={scripts} what="This figure brings code" />}
      <Frame key={String(runs)} draw="bokeh" bytes={bytes} shown={shown} code={runs} />
    </>
  );
}

interface FrameProps {
  draw: Drawn;
  bytes: ArrayBuffer;
  shown: Shown;
  /** Whether code that the figure brings runs. */
  code?: boolean;
}

/** The frame, as high as what is drawn in it. */
export function Frame({ draw, bytes, shown, code = false }: FrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [said, setSaid] = useState<Said>();
  const [failure, setFailure] = useState<string>();
  const dark = isDark();
  const ready = said !== undefined;
  const room = useRoom(frame);

  useEffect(() => {
    const hear = ({ source, data }: MessageEvent<unknown>) => {
      if (source === null || source !== frame.current?.contentWindow) return;
      const said = readSaid(data);
      if (said?.dsp === "failed") setFailure(said.reason);
      else if (said) setSaid(said);
    };
    addEventListener("message", hear);
    const late = setTimeout(() => setFailure((known) => known ?? "the frame does not answer"), PATIENCE);
    return () => {
      removeEventListener("message", hear);
      clearTimeout(late);
    };
  }, []);
  useEffect(() => {
    if (!ready) return undefined;
    let gone = false;
    void letters().then((face) => {
      if (gone) return;
      const copy = bytes.slice(0);
      const message: Draw = { draw, bytes: copy, look: look(dark, room), letters: face };
      // It has no origin that could be named.
      frame.current?.contentWindow?.postMessage(message, "*", [copy]);
    });
    return () => {
      gone = true;
    };
  }, [ready, draw, bytes]);
  useEffect(() => {
    if (ready) frame.current?.contentWindow?.postMessage({ look: look(dark, room) }, "*");
  }, [dark, room]);

  const drawn = said?.dsp === "drawn" ? said : undefined;
  const failed = failure !== undefined && !(drawn && failure === "the frame does not answer");
  return (
    <>
      {failed && <Raw shown={shown} title="This figure could not be drawn as it is" reason={failure} />}
      {!drawn && !failed && <Bones lines={8} />}
      <iframe
        ref={frame}
        class="figure"
        title={plain(shown.file.text || shown.file.path)}
        sandbox="allow-scripts"
        src={code ? "/render-code.html" : "/render.html"}
        style={{ height: `${drawn ? Math.min(Math.max(drawn.height, 40), MOST) : 0}px` }}
      />
    </>
  );
}

/** Returns how high the place is that a frame stands in, where that does not follow from the frame. */
function useRoom(frame: { current: HTMLIFrameElement | null }): number | undefined {
  const [room, setRoom] = useState<number>();
  useEffect(() => {
    const place = frame.current?.closest("[data-room]");
    if (!place) return undefined;
    const watch = new ResizeObserver(() => setRoom(place.clientHeight));
    watch.observe(place);
    return () => watch.disconnect();
  }, []);
  return room;
}

/** Returns the letters of the page, which the browser has already; nothing where it has not. */
function letters(): Promise<ArrayBuffer | undefined> {
  face ??= fetch(inter).then((response) => response.arrayBuffer(), () => undefined);
  return face;
}

let face: Promise<ArrayBuffer | undefined> | undefined;

/** Reads what a frame says: it may be anything, where code of others runs. */
function readSaid(data: unknown): Said | undefined {
  if (typeof data !== "object" || data === null || !("dsp" in data)) return undefined;
  const { dsp, height, reason } = data as Record<string, unknown>;
  switch (dsp) {
    case "ready":
      return { dsp };
    case "drawn":
      return typeof height === "number" && Number.isFinite(height) ? { dsp, height } : undefined;
    case "failed":
      return { dsp, reason: typeof reason === "string" ? plain(reason.slice(0, 500)) : "it does not say why" };
    default:
      return undefined;
  }
}

function look(dark: boolean, room: number | undefined): Look {
  const style = getComputedStyle(document.body);
  const probe = document.createElement("i");
  document.body.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const look = { dark, ink: colour("--ink-2"), line: colour("--line"), font: style.fontFamily, ...(room === undefined ? {} : { room }) };
  probe.remove();
  return look;
}
