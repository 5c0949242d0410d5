// The one way by which text of others becomes elements of these pages: a few tags, no scripts, no
// styles, no pictures from elsewhere, links that say where they lead.

import DOMPurify from "dompurify";

const policy = window.trustedTypes?.createPolicy("dsp-markdown", { createHTML: cleaned }) ?? {
  createHTML: cleaned,
};

/** Replaces what is in an element by HTML, of which only what is harmless stays. */
export function setHtml(element: HTMLElement, html: string): void {
  element.innerHTML = policy.createHTML(html) as string;
}

/** Returns what of HTML is harmless. */
export function cleaned(html: string): string {
  const clean = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [
      "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre",
      "blockquote", "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td", "span", "img",
      "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac",
      "msqrt", "mroot", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded",
      "mphantom", "menclose", "merror", "mmultiscripts", "mprescripts",
    ],
    ALLOWED_ATTR: [
      "href", "title", "start", "class", "src", "alt", "display", "mathvariant", "stretchy", "fence",
      "separator", "lspace", "rspace", "accent", "accentunder", "columnalign", "columnspacing",
      "rowspacing", "width", "height", "depth", "voffset", "minsize", "maxsize", "scriptlevel",
      "displaystyle", "linethickness", "notation", "symmetric", "movablelimits",
    ],
    ALLOWED_URI_REGEXP: /^(https?:|mailto:|#|\/api\/v1\/content\?)/i,
    RETURN_DOM_FRAGMENT: false,
  });
  return clean;
}

// Pictures come from the same frame alone: any other address would tell its owner who reads.
DOMPurify.addHook("uponSanitizeAttribute", (_node, data) => {
  if (data.attrName === "src" && !data.attrValue.startsWith("/api/v1/content?ref=")) data.keepAttr = false;
});
DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName === "A") node.setAttribute("rel", "noopener noreferrer");
  if (node.nodeName === "IMG" && !node.hasAttribute("src")) node.remove();
});
