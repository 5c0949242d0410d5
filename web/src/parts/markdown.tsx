import "../styles/views.css";

import MarkdownIt from "markdown-it";
import { useEffect, useRef } from "preact/hooks";

import { contentUrl } from "../api/client";
import { dataUrl } from "./bytes";
import { useQuery } from "../live/query";
import { setHtml } from "./safe";
import type { Shown } from "./show";
import { Known } from "./states";
import { textOf } from "./text";

/** What a text is read with: where its pictures are, and how its formulas are set. */
interface Around extends Record<PropertyKey, unknown> {
  /** The reference of the frame that the text is in. */
  frame?: string | undefined;
  set?: ((tex: string, block: boolean) => string) | undefined;
}

const reader = new MarkdownIt({ html: false, linkify: false, typographer: false });

// Pictures of the same frame are shown, others are named.
reader.renderer.rules.image = (tokens, index, _options, env) => {
  const around = (env ?? {}) as Around;
  const token = tokens[index];
  const alt = reader.utils.escapeHtml(token?.content ?? "");
  const path = String(token?.attrGet("src") ?? "");
  if (around.frame === undefined || /^([a-z][a-z0-9+.-]*:|\/|\.\.)/i.test(path)) return `<em>[${alt || "picture"}]</em>`;
  const file = decoded(path.replace(/^\.\//, ""));
  return `<img src="${reader.utils.escapeHtml(contentUrl(`${around.frame}#${file}`))}" alt="${alt}">`;
};

// `$x$` in a line and `$$x$$` apart; a price of $5 is none.
reader.inline.ruler.after("escape", "formula", (state, silent) => {
  const { src, pos } = state;
  if (src[pos] !== "$") return false;
  const marks = src.startsWith("$$", pos) ? "$$" : "$";
  const from = pos + marks.length;
  const end = src.indexOf(marks, from);
  const tex = src.slice(from, end);
  const fits = end > from && (marks === "$$" || (!/^\s|\s$/.test(tex) && !/^\d/.test(src.slice(end + 1))));
  if (!fits) return false;
  if (!silent) {
    const token = state.push("formula", "", 0);
    token.content = tex;
    token.markup = marks;
  }
  state.pos = end + marks.length;
  return true;
});
reader.renderer.rules.formula = (tokens, index, _options, env) => {
  const around = (env ?? {}) as Around;
  const { content = "", markup } = tokens[index] ?? {};
  return around.set?.(content, markup === "$$") ?? `<code>${reader.utils.escapeHtml(content)}</code>`;
};

/** Markdown of others: no HTML, no images from elsewhere, links that say where they lead. */
export function Markdown({ file, reference }: Shown) {
  const text = useQuery(`text ${file.hash}`, () => textOf(reference));
  return <Known query={text}>{(known) => <Prose text={known} frame={reference.split("#", 1)[0]} />}</Known>;
}

/**
 * Returns text in Markdown as harmless HTML that stands by itself: pictures of the frame are in it.
 *
 * @param frame the reference of the frame that its pictures are in
 */
export async function htmlOf(text: string, frame: string | undefined): Promise<string> {
  const around: Around = { frame };
  if (text.includes("$")) around.set = (await import("./formula")).set;
  const element = document.createElement("div");
  setHtml(element, reader.render(text, around));
  for (const picture of element.querySelectorAll("img")) {
    const source = picture.getAttribute("src") ?? "";
    try {
      const response = await fetch(source);
      if (!response.ok) throw new Error("it is not here");
      picture.setAttribute("src", await dataUrl(await response.blob()));
    } catch {
      picture.replaceWith(`[${picture.alt}]`);
    }
  }
  return element.innerHTML;
}

/** Text in Markdown, set; `frame` is the reference of the frame that its pictures are in. */
export function Prose({ text, frame }: { text: string; frame?: string | undefined }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let gone = false;
    const show = (around: Around) => {
      if (!gone) setHtml(element, reader.render(text, around));
    };
    show({ frame });
    if (text.includes("$")) void import("./formula").then(({ set }) => show({ frame, set }));
    return () => {
      gone = true;
    };
  }, [text, frame]);
  return <div class="prose" ref={place} />;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
