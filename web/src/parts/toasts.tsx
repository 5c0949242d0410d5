import { signal } from "@preact/signals";

/** How long a toast stays, in milliseconds. */
const STAYS = 4000;

const toasts = signal<{ id: number; text: string }[]>([]);
let last = 0;

/** Says something in passing. */
export function toast(text: string): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-2), { id, text }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id);
  }, STAYS);
}

/** Where toasts are said; readers of screens hear them. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text }) => (
        <div class="toast" key={id}>
          {text}
        </div>
      ))}
    </div>
  );
}
