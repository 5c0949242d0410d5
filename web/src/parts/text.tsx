import { useEffect, useRef, useState } from "preact/hooks";

import { size, unturned } from "../format";
import { useQuery } from "../live/query";
import { bytesOf, partOf } from "./bytes";
import { setHtml } from "./safe";
import type { Shown } from "./show";
import { Known } from "./states";

/** How much of a text is shown at first and with each press, in bytes. */
const STEP = 1_000_000;
/** Largest text in letters that is coloured. */
const COLOURED = 300_000;

/** Returns the bytes of an attachment as text; what is no UTF-8 is replaced. */
export async function textOf(reference: string): Promise<string> {
  return new TextDecoder().decode(await bytesOf(reference));
}

/** Text as it is, its beginning where it is long. */
export function Text(shown: Shown) {
  return <Head {...shown} />;
}

/** Text in the colours of its language. */
export function Code(shown: Shown) {
  return <Head {...shown} language={languageOf(shown.file)} />;
}

function Head({ file, reference, language }: Shown & { language?: string | undefined }) {
  const [most, setMost] = useState(STEP);
  const text = useQuery(`text ${file.hash} ${most}`, async () =>
    new TextDecoder().decode(await partOf(reference, 0, Math.min(most, file.size))),
  );
  return (
    <Known query={text}>
      {(known) => (
        <>
          <Coloured text={known} language={language} />
          {file.size > most && (
            <p class="ask">
              <span>
                {size(most)} of {size(file.size)} are shown.
              </span>
              <button type="button" class="button" onClick={() => setMost(most + STEP)}>
                Show more
              </button>
            </p>
          )}
        </>
      )}
    </Known>
  );
}

/** Text in the colours of a language, once they are here. */
export function Coloured({ text, language }: { text: string; language?: string | undefined }) {
  const place = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    // Code is read as it stands; in a text of words the marks have their place.
    const seen = language === undefined ? text : unturned(text);
    element.textContent = seen;
    if (language === undefined || seen.length > COLOURED) return;
    let gone = false;
    void import("./highlight").then(({ coloured }) => {
      const html = coloured(seen, language);
      if (!gone && html !== undefined) setHtml(element, html);
    });
    return () => {
      gone = true;
    };
  }, [text, language]);
  return <pre class="text" tabIndex={0} ref={place} />;
}

const BY_ENDING: Record<string, string> = {
  py: "python", r: "r", sql: "sql", sh: "bash", rs: "rust", js: "javascript", ts: "typescript", jl: "julia",
  yaml: "yaml", yml: "yaml", toml: "ini", ini: "ini", cfg: "ini", xml: "xml", css: "css", json: "json",
};
const BY_MEDIA: Record<string, string> = {
  "text/x-python": "python", "text/x-r": "r", "application/sql": "sql", "application/x-sh": "bash", "text/css": "css",
  "text/x-rust": "rust", "text/x-julia": "julia", "text/x-typescript": "typescript", "text/javascript": "javascript",
  "application/javascript": "javascript", "application/yaml": "yaml", "application/x-yaml": "yaml",
  "application/toml": "ini", "application/xml": "xml", "text/xml": "xml",
};

function languageOf({ media, path }: { media: string; path: string }): string | undefined {
  const essence = (media.split(";")[0] ?? "").trim().toLowerCase();
  return BY_MEDIA[essence] ?? BY_ENDING[path.split(".").at(-1)?.toLowerCase() ?? ""];
}
