// What is done to a dashboard: seen at once, and sent to the daemon behind it.

import type { Card, Dashboard, ParamSetting } from "./model";
import type { NewCard } from "./suggest";

/** Something that is done to a dashboard. */
export type Act =
  | { act: "title"; title: string }
  | { act: "text"; text: string }
  /** @property after the card behind which it stands; null is the beginning, and nothing the end */
  | { act: "add"; card: NewCard; after?: string | null }
  | { act: "change"; id: string; card: Partial<NewCard> }
  | { act: "move"; id: string; after: string | null }
  | { act: "remove"; id: string }
  | { act: "param"; key: string; setting: ParamSetting | null };

/** Returns a dashboard as it is once something is done; what does not apply changes nothing. */
export function after(board: Dashboard, done: Act): Dashboard {
  const { cards } = board;
  switch (done.act) {
    case "title":
      return { ...board, title: done.title };
    case "text":
      return { ...board, text: done.text };
    case "add":
      return { ...board, cards: placed(cards, { ...done.card, id: `new-${cards.length}` }, done.after) };
    case "change":
      return { ...board, cards: cards.map((card) => (card.id === done.id ? { ...card, ...done.card } : card)) };
    case "move": {
      const card = cards.find(({ id }) => id === done.id);
      if (card === undefined) return board;
      const others = cards.filter((one) => one !== card);
      return { ...board, cards: placed(others, card, done.after) };
    }
    case "remove":
      return { ...board, cards: cards.filter(({ id }) => id !== done.id) };
    case "param": {
      const { [done.key]: _, ...rest } = board.params;
      return { ...board, params: done.setting === null ? rest : { ...rest, [done.key]: done.setting } };
    }
  }
}

function placed(cards: readonly Card[], card: Card, behind: string | null | undefined): Card[] {
  if (behind === null) return [card, ...cards];
  const at = cards.findIndex(({ id }) => id === behind);
  return at < 0 ? [...cards, card] : cards.toSpliced(at + 1, 0, card);
}
