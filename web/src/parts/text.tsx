import { ProblemError } from "../api/client";
import { contentUrl } from "../api/client";
import { useQuery } from "../live/query";
import type { Shown } from "./show";
import { Known } from "./states";

/** Returns the bytes of an attachment as text; what is no UTF-8 is replaced. */
export async function textOf(reference: string): Promise<string> {
  const response = await fetch(contentUrl(reference));
  if (!response.ok) throw new ProblemError(await response.json());
  return response.text();
}

/** Text as it is, JSON set out. */
export function Text({ file, reference }: Shown) {
  const text = useQuery(`text ${file.hash}`, () => textOf(reference));
  return <Known query={text}>{(known) => <pre class="text" tabIndex={0}>{setOut(known, file.media)}</pre>}</Known>;
}

function setOut(text: string, media: string): string {
  if (!/json/.test(media)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
