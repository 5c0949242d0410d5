import { useState } from "preact/hooks";

import { Icon } from "./icon";
import { toast } from "./toasts";

/** Text that is copied with a press. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      toast("Copied");
      setTimeout(() => setDone(false), 1500);
    } catch {
      toast("The browser did not allow to copy; mark the text and copy it yourself");
    }
  };
  return (
    <div class="copy">
      <pre tabIndex={0}>{text}</pre>
      <button type="button" class="button bare" onClick={copy} aria-label={label} title={label}>
        <Icon name={done ? "check" : "copy"} size={16} />
      </button>
    </div>
  );
}
