// Who else edits a dashboard just now.

import { useEffect } from "preact/hooks";

import { plain } from "../format";
import { useQuery } from "../live/query";
import { Avatar } from "../parts/avatar";
import { tellEditing } from "./calls";

/** How often the others are told that this page goes on to edit, in milliseconds; it holds for three times that. */
const EVERY = 10_000;

/** The others who edit it, as long as this stands on a page; they are told that one does here too. */
export function Editors({ board }: { board: string }) {
  const { data, again } = useQuery(
    `editors ${board}`,
    () => tellEditing(board, true),
    (event) => event.event === "board.editors" && event.board === board,
  );
  useEffect(() => {
    const timer = setInterval(again, EVERY);
    const leave = () => {
      // Who is not told hears no more of it soon.
      tellEditing(board, false).catch(() => undefined);
    };
    addEventListener("pagehide", leave);
    return () => {
      clearInterval(timer);
      removeEventListener("pagehide", leave);
      leave();
    };
  }, [board, again]);
  return (
    <span class="editors" role="status">
      {data && data.length > 0 && "with "}
      {data?.map(({ user, name }) => (
        <span key={user}>
          <Avatar user={user} name={name} small /> {plain(name)}
        </span>
      ))}
    </span>
  );
}
