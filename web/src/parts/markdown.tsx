import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { useEffect, useRef } from "preact/hooks";

import { useQuery } from "../live/query";
import type { Shown } from "./show";
import { Known } from "./states";
import { textOf } from "./text";

const reader = new MarkdownIt({ html: false, linkify: false, typographer: false });
/** The one way by which text of others becomes elements of this page. */
const policy = window.trustedTypes?.createPolicy("dsp-markdown", { createHTML: cleaned }) ?? {
  createHTML: cleaned,
};

/** Markdown of others: no HTML, no images from elsewhere, links that say where they lead. */
export function Markdown({ file, reference }: Shown) {
  const text = useQuery(`text ${file.hash}`, () => textOf(reference));
  return <Known query={text}>{(known) => <Prose text={known} />}</Known>;
}

/** Text in Markdown, set. */
export function Prose({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current) place.current.innerHTML = policy.createHTML(reader.render(text)) as string;
  }, [text]);
  return <div class="prose" ref={place} />;
}

function cleaned(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [
      "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre",
      "blockquote", "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td",
    ],
    ALLOWED_ATTR: ["href", "title", "start"],
    ALLOWED_URI_REGEXP: /^(https?:|mailto:|#)/i,
  });
}
