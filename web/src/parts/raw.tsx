// What the browser itself shows, from an address apart from these pages: HTML, PDF, sound, films.

import { answer, api } from "../api/client";
import type { RawKind } from "../api/schema";
import { plain } from "../format";
import { useQuery } from "../live/query";
import { useScripts } from "../trust";
import { partOf } from "./bytes";
import { Asks } from "./leave";
import type { Shown } from "./show";
import { Bones, Known } from "./states";

/** Returns an address of bytes. */
function useRaw({ file, reference }: Shown, as: RawKind) {
  return useQuery(`raw ${as} ${file.hash} ${reference}`, () =>
    answer(api.POST("/api/v1/raw", { body: { ref: reference, as } })),
  );
}

/** A page of HTML: its scripts run as its author is trusted, and reach nothing. */
export function Html(shown: Shown) {
  const scripts = useScripts(shown.reference);
  const head = useQuery(`head ${shown.file.hash}`, () => partOf(shown.reference, 0, Math.min(shown.file.size, HEAD)));
  if (!scripts.known || head.data === undefined) return <Bones lines={8} />;
  const text = new TextDecoder().decode(head.data);
  const brings = /<script|\son[a-z]+\s*=/i.test(text);
  const runs = scripts.leave !== "none";
  return (
    <>
      {brings && <Asks scripts={scripts} what="This page brings scripts" />}
      {ELSEWHERE.test(text) && (
        <p class="ask" role="note">
          This page asks for files of other sites, which it does not get; what is missing was to come from there.
          Saved with everything in it, it shows whole.
        </p>
      )}
      <Page key={String(runs)} shown={shown} as={runs ? "scripts" : "still"} />
    </>
  );
}

/** Bytes of a page that are looked through. */
const HEAD = 1 << 20;
const ELSEWHERE = /<(script|link|img|iframe)\b[^>]*\s(src|href)\s*=\s*["']?(https?:)?\/\//i;

function Page({ shown, as }: { shown: Shown; as: "scripts" | "still" }) {
  const raw = useRaw(shown, as);
  return (
    <Known query={raw} lines={8}>
      {({ url }) => (
        <iframe
          class="page-of-others"
          title={plain(shown.file.text || shown.file.path)}
          sandbox={as === "scripts" ? "allow-scripts" : ""}
          src={url}
        />
      )}
    </Known>
  );
}

/** A PDF, in the browser's own viewer, which works in no sandbox. */
export function Pdf(shown: Shown) {
  return (
    <Known query={useRaw(shown, "media")} lines={8}>
      {({ url }) => <iframe class="page-of-others" title={plain(shown.file.text || shown.file.path)} src={url} />}
    </Known>
  );
}

/** Sound. */
export function Audio(shown: Shown) {
  return <Known query={useRaw(shown, "media")}>{({ url }) => <audio controls src={url} aria-label={nameOf(shown)} />}</Known>;
}

/** A film. */
export function Video(shown: Shown) {
  return <Known query={useRaw(shown, "media")}>{({ url }) => <video controls src={url} aria-label={nameOf(shown)} />}</Known>;
}

function nameOf({ file }: Shown): string {
  return plain(file.text || file.path);
}
