import { expect, it } from "vitest";

import { guarded } from "./spreadsheet";

/** What becomes of a CSV that comes in pieces of some bytes. */
async function through(csv: string, pieces: number): Promise<string> {
  const bytes = new TextEncoder().encode(csv);
  const source = new ReadableStream<Uint8Array>({
    start(out) {
      for (let at = 0; at < bytes.length; at += pieces) out.enqueue(bytes.subarray(at, at + pieces));
      out.close();
    },
  });
  return new Response(source.pipeThrough(guarded())).text();
}

it("takes the force out of formulas, and leaves all else", async () => {
  const csv = '"=name","sum","+"\n"=cmd()",-5,"-1"\n"a=b",7,"@x"\n"\tx",1,"\r"\n"","","""=x"\n"a,=b\n=c",2,"é=,"\n';
  const safe = '"\'=name","sum","\'+"\n"\'=cmd()",-5,"\'-1"\n"a=b",7,"\'@x"\n"\'\tx",1,"\'\r"\n"","","""=x"\n"a,=b\n=c",2,"é=,"\n';
  for (const pieces of [1, 2, 7, 1000]) expect(await through(csv, pieces)).toBe(safe);
});
