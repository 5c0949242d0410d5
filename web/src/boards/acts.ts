// What is done to a dashboard: seen at once, and sent to the daemon behind it.

import type { Card, Dashboard, NewCard, ParamSetting } from "./model";

/** Something that is done to a dashboard. */
export type Act =
  | { act: "title"; title: string }
  | { act: "description"; description: string }
  /** `on` puts cards on one of them. */
  | { act: "tabs"; tabs: readonly string[]; on?: { tab: string; ids: readonly string[] } }
  | { act: "add"; card: NewCard }
  | { act: "change"; id: string; card: Partial<Pick<Card, "title" | "description" | "text" | "span" | "height" | "tab" | "fixed" | "names">> }
  /** `frame` null follows the head. */
  | { act: "pin"; id: string; frame: string | null }
  /** `before` null is the end. */
  | { act: "move"; id: string; before: string | null }
  | { act: "remove"; id: string }
  | { act: "param"; key: string; setting: ParamSetting | null };

/** Returns a dashboard as it is once something is done; what does not apply changes nothing. */
export function after(board: Dashboard, done: Act): Dashboard {
  const { cards } = board;
  const changed = (id: string, card: Partial<Card>) =>
    cards.map((one) => (one.id === id ? { ...one, ...card } : one));
  switch (done.act) {
    case "title":
      return { ...board, title: done.title };
    case "description":
      return { ...board, description: done.description };
    case "tabs": {
      const { tabs, on } = done;
      const put = (card: Card) => (on?.ids.includes(card.id) ? { ...card, tab: on.tab } : card);
      return { ...board, tabs, cards: cards.map(put) };
    }
    case "add":
      // What it shows is known once the daemon says so.
      return board;
    case "change":
      return { ...board, cards: changed(done.id, done.card) };
    case "pin": {
      const { frame } = done;
      const pinned = (card: Card): Card => {
        const { frame: _, ...rest } = card;
        return frame === null ? rest : { ...rest, frame };
      };
      return { ...board, cards: cards.map((one) => (one.id === done.id ? pinned(one) : one)) };
    }
    case "move": {
      const card = cards.find(({ id }) => id === done.id);
      if (card === undefined) return board;
      const others = cards.filter((one) => one !== card);
      const at = others.findIndex(({ id }) => id === done.before);
      return { ...board, cards: at < 0 ? [...others, card] : others.toSpliced(at, 0, card) };
    }
    case "remove":
      return { ...board, cards: cards.filter(({ id }) => id !== done.id) };
    case "param": {
      const { [done.key]: _, ...rest } = board.params;
      return { ...board, params: done.setting === null ? rest : { ...rest, [done.key]: done.setting } };
    }
  }
}
