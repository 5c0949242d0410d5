import { Icon } from "./icon";

/** What came while one reads: how much it is, and a press that shows it. */
export function Fresh({ count, take }: { count: number; take: () => void }) {
  return (
    <div role="status" class="fresh">
      {count > 0 && (
        <button type="button" class="pill" onClick={take}>
          <Icon name="up" size={14} /> {count} new
        </button>
      )}
    </div>
  );
}
