// Small things that this browser keeps.

/** Returns what is kept under a key, read by `read`; nothing where there is nothing that can be read. */
export function kept<T>(key: string, read: (value: unknown) => T | undefined): T | undefined {
  try {
    return read(JSON.parse(localStorage.getItem(key) ?? "null"));
  } catch {
    return undefined;
  }
}

/** Keeps something. A browser that stores nothing forgets it, and nothing else. */
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // See above.
  }
}
