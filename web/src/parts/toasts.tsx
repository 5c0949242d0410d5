import { signal } from "@preact/signals";

/** How long a toast stays, in milliseconds; longer where there is something to do. */
const STAYS = 4000;
const STAYS_TO_ACT = 12_000;

/** What can be done about what a toast says. */
export interface Act {
  label: string;
  run: () => void;
}

const toasts = signal<{ id: number; text: string; act?: Act }[]>([]);
let last = 0;

/** Says something in passing, with one thing that can be done about it. */
export function toast(text: string, act?: Act): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-2), { id, text, ...(act ? { act } : {}) }];
  setTimeout(() => gone(id), act ? STAYS_TO_ACT : STAYS);
}

function gone(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Where toasts are said; readers of screens hear them. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, act }) => (
        <div class="toast" key={id}>
          <span>{text}</span>
          {act && (
            <button
              type="button"
              class="button"
              onClick={() => {
                gone(id);
                act.run();
              }}
            >
              {act.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
