import { signal } from "@preact/signals";

/** How long a toast stays, in milliseconds. */
const STAYS = 4000;
/** How long one stays that offers something. */
const OFFERS = 12_000;

/** What one can do about what a toast says. */
export interface Offer {
  label: string;
  run: () => void;
}

interface Toast {
  id: number;
  text: string;
  bad: boolean;
  offer: Offer | undefined;
}

const toasts = signal<Toast[]>([]);
let last = 0;

/** Says something in passing, with something to do about it where there is. */
export function toast(text: string, offer?: Offer): void {
  say({ id: ++last, text, bad: false, offer });
}

/** Says that something went wrong. */
export function complain(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  say({ id: ++last, text, bad: true, offer: undefined });
}

function say(one: Toast): void {
  toasts.value = [...toasts.value.slice(-2), one];
  setTimeout(() => away(one.id), one.bad || one.offer ? OFFERS : STAYS);
}

function away(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Where toasts are said; readers of screens hear them. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, bad, offer }) => (
        <div class={`toast ${bad ? "bad" : ""}`} key={id}>
          <span>{text}</span>
          {offer && (
            <button
              type="button"
              class="button"
              onClick={() => {
                away(id);
                offer.run();
              }}
            >
              {offer.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
