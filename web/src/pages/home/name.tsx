// The first step: how one is called, while that can still be chosen.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";

import { listSettings } from "../../configuration";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { Copy } from "../../parts/copy";
import { Labelled } from "../../parts/forms";
import { node } from "../../state";
import { keep, kept } from "../../stored";
import { Step } from "./step";

const KEY = "dsp-named";

/** Under which name it was said in this browser that it is right. */
const right = signal(kept(KEY, (value) => (typeof value === "string" ? value : undefined)));

/** Whether somebody chose her name: before the first start, here, or by pushing under it. */
export function useNamed(pushed: boolean): boolean {
  const settings = useQuery("settings of the name", listSettings);
  const chosen = settings.data?.find(({ name }) => name === "user.name");
  const me = node.value;
  return pushed || (me !== undefined && right.value === me.user) || (chosen !== undefined && chosen.source !== "default");
}

/** The step. Another name is another identity: it is written into the first statement of one. */
export function Name({ named, pushed }: { named: boolean; pushed: boolean }) {
  const me = node.value;
  const [name, write] = useState("");
  if (me === undefined) return null;
  const agree = () => {
    right.value = me.user;
    keep(KEY, me.user);
  };
  const wanted = name.trim();
  return (
    <Step done={named} title={`You are ${plain(me.name)}, on ${plain(me.device_name)}`} open={!named}>
      <p class="muted">
        Teammates see this name, and may call you otherwise. It is written into your identity, which is why it stays
        {pushed ? "." : ": to be called otherwise is to begin anew, which costs nothing as long as nothing is pushed."}
      </p>
      {!named && (
        <>
          <div>
            <button type="button" class="button primary" onClick={agree}>
              That is right
            </button>
          </div>
          <Labelled label="Another name">
            <input class="field" value={name} maxLength={64} autocomplete="off" onInput={(event) => write(event.currentTarget.value)} />
          </Labelled>
          {wanted !== "" && (
            <>
              <p class="muted">In a terminal; the home of now is put aside, and nothing is deleted:</p>
              <Copy text={`dsp reset\ndsp config set user.name ${quoted(wanted)}\ndsp open`} label="Copy the lines that begin anew" />
            </>
          )}
        </>
      )}
    </Step>
  );
}

/** A word of a command line. */
function quoted(word: string): string {
  return /^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
