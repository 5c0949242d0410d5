// A field that keeps what one types until one is done, whatever comes in meanwhile.

import type { InputHTMLAttributes } from "preact";
import { useState } from "preact/hooks";

type Rest = Pick<InputHTMLAttributes, "aria-label" | "placeholder" | "maxLength" | "class">;

/** A line, or lines where `rows` says how many. */
export function Draft({ value, save, rows, ...rest }: Rest & { value: string; save: (text: string) => void; rows?: number }) {
  const [typed, setTyped] = useState<string>();
  const hears = {
    ...rest,
    class: rest.class ?? "field",
    value: typed ?? value,
    onInput: (event: { currentTarget: { value: string } }) => setTyped(event.currentTarget.value),
    onChange: (event: { currentTarget: { value: string } }) => {
      if (event.currentTarget.value !== value) save(event.currentTarget.value);
      setTyped(undefined);
    },
  };
  return rows === undefined ? <input {...hears} /> : <textarea rows={rows} {...hears} />;
}
