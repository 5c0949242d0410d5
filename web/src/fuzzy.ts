// Finding by a few letters that one remembers.

/** Letters that begin a word count more: those after one of these. */
const BREAK = /[\s/_.:-]/;

/**
 * Returns how well `part` fits `text`, more for better, or nothing where a letter of it is missing. All letters
 * come in order; those beside each other and at the beginning of words count more.
 */
export function fit(part: string, text: string): number | undefined {
  const wanted = part.toLowerCase().replace(/\s+/g, "");
  if (wanted === "") return 0;
  const own = text.toLowerCase();
  const whole = own.indexOf(part.toLowerCase().trim());
  if (whole >= 0) return 1000 - whole + (whole === 0 || BREAK.test(own[whole - 1] ?? "") ? 500 : 0) - own.length / 100;
  let score = 0;
  let at = -1;
  for (const letter of wanted) {
    const next = own.indexOf(letter, at + 1);
    if (next < 0) return undefined;
    if (next === at + 1) score += 5;
    if (next === 0 || BREAK.test(own[next - 1] ?? "")) score += 8;
    score -= Math.min(next - at - 1, 5);
    at = next;
  }
  return score - own.length / 100;
}

/** Returns what fits, the best first, `most` at most; in the given order where nothing is asked for. */
export function best<T>(part: string, all: readonly T[], text: (one: T) => string, most: number): T[] {
  if (part.trim() === "") return all.slice(0, most);
  return all
    .flatMap((one) => {
      const score = fit(part, text(one));
      return score === undefined ? [] : [{ one, score }];
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, most)
    .map(({ one }) => one);
}
