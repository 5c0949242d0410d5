import { plain } from "../format";

/** A user as two letters in a colour that her id gives, with a dot where she is connected. */
export function Avatar({ user, name, on, small }: { user: string; name: string; on?: boolean; small?: true }) {
  const letters = plain(name).replace(/[^\p{L}\p{N}]+/gu, "").slice(0, 2) || "?";
  const hue = Number.parseInt(user.slice(0, 4), 16) % 6;
  return (
    <span class={`avatar of-${hue} ${small ? "small" : ""}`} aria-hidden="true">
      {letters}
      {on && <i />}
    </span>
  );
}
