import "../styles/stacks.css";

import { Virtualizer, observeWindowOffset, observeWindowRect, windowScroll } from "@tanstack/virtual-core";
import { useEffect, useRef, useState } from "preact/hooks";

import { brief } from "../chart";
import { plain, short, size } from "../format";
import type { Fitting } from "../found";
import { stackPath } from "../ref";
import { type Listing, placeOf } from "../stacks";
import { useDraw } from "./draw";
import { Icon } from "./icon";
import { Thumbnail } from "./thumbnail";
import { Time } from "./time";

/** Height of a line in pixels; a narrow window shows two lines of text in it. */
const LINE = 60;
/** The list's element, to which one comes from the search above it. */
export const LIST = "stack-list";

/**
 * Stacks one below the other; of thousands only those in sight are drawn. Arrows move from one to
 * the next, Tab leaves the list.
 */
export function StackList({ listed }: { listed: (Listing | Fitting)[] }) {
  const list = useRef<HTMLUListElement>(null);
  const [active, setActive] = useState(0);
  /** The line that keys went to last; what is drawn may be behind. */
  const target = useRef(0);
  /** Whether the active line is to have the focus once it is drawn. */
  const moving = useRef(false);
  const draw = useDraw();
  const lines = useRef<Virtualizer<Window, Element> | null>(null);
  lines.current ??= new Virtualizer<Window, Element>({
    count: 0,
    getScrollElement: () => window,
    estimateSize: () => LINE,
    overscan: 12,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    onChange: draw,
  });
  const virtual = lines.current;
  virtual.setOptions({
    ...virtual.options,
    count: listed.length,
    scrollMargin: list.current?.offsetTop ?? 0,
    // The bar above the page covers what is scrolled to its edge.
    scrollPaddingStart: 64,
    scrollPaddingEnd: 72,
  });
  useEffect(() => virtual._didMount(), [virtual]);
  useEffect(() => virtual._willUpdate());
  const focus = () => {
    const line = list.current?.querySelector<HTMLElement>(`[data-at="${target.current}"] a`);
    if (!moving.current || line == null) return;
    moving.current = false;
    line.focus({ preventScroll: true });
  };
  useEffect(focus);
  const go = (to: number) => {
    const at = Math.max(0, Math.min(listed.length - 1, to));
    moving.current = true;
    target.current = at;
    setActive(at);
    virtual.scrollToIndex(at, { align: "auto" });
    // At once where it is drawn already: Enter may follow on its heels.
    focus();
    draw();
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const line = event.target instanceof Element ? event.target.closest("[data-at]") : null;
    // The focus is still on its way where keys come quickly.
    const at = moving.current || line === null ? target.current : Number(line.getAttribute("data-at"));
    const to = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + 10,
      PageUp: at - 10,
      Home: 0,
      End: listed.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) document.querySelector<HTMLElement>("[data-find]")?.focus();
    else go(to);
  };
  const items = virtual.getVirtualItems();
  const reached = items.some(({ index }) => index === active) ? active : items[0]?.index;
  return (
    // The links inside take the focus; the list only says how the keys move it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <ul
      id={LIST}
      ref={list}
      class="stack-list card"
      style={{ height: `${virtual.getTotalSize()}px` }}
      onKeyDown={pressed}
    >
      {items.map(({ index, start }) => {
        const one = listed[index] as Listing;
        return (
          <li
            key={one.stack.context + one.stack.user + one.stack.id}
            data-at={index}
            style={{ transform: `translateY(${start - (virtual.options.scrollMargin ?? 0)}px)`, height: `${LINE}px` }}
            aria-setsize={listed.length}
            aria-posinset={index + 1}
          >
            <StackLine listing={one} tabIndex={index === reached ? 0 : -1} />
          </li>
        );
      })}
    </ul>
  );
}

/** One stack: what it is called, where it is from, and what was pushed last. */
export function StackLine({ listing, tabIndex }: { listing: Listing | Fitting; tabIndex?: number }) {
  const { stack, context } = listing;
  const { head } = stack;
  const hit = "hit" in listing ? listing.hit : undefined;
  const away = head?.bytes != null && head.bytes_here != null && head.bytes_here < head.bytes;
  const place = placeOf(listing);
  const path = stackPath(hit !== undefined && !hit.head ? { ...place, rev: hit.frame } : place);
  return (
    <a class="stack-line" href={path} tabIndex={tabIndex}>
      <Thumbnail listing={listing} />
      <span class="name cut">{plain(stack.name)}</span>
      <span class="from cut">
        {plain(context?.label ?? "")}
        {(stack.other_heads?.length ?? 0) > 0 && <span class="badge warn">two heads</span>}
        {Object.keys(stack.tags).slice(0, 2).map((tag) => (
          <span class="badge" key={tag}>
            {plain(tag)}
          </span>
        ))}
      </span>
      <span class="message cut muted">
        {hit === undefined ? (
          plain(head?.message ?? "")
        ) : (
          <>
            {hit.head ? "" : `in ${short(hit.frame)}: `}
            {plain(found(hit))}
          </>
        )}
      </span>
      <span class="size muted">
        {head?.bytes != null && size(head.bytes)}
        {away && (
          <span title="Not all of it is on this machine">
            <Icon name="download" size={14} />
          </span>
        )}
      </span>
      <span class="time muted">{head && <Time at={head.time} />}</span>
    </a>
  );
}

/** Returns where in a frame something was found, in a few words. */
function found(hit: NonNullable<Fitting["hit"]>): string {
  const columns = (hit.columns ?? []).map(({ name }) => name);
  if (columns.length > 0) return `column ${columns.slice(0, 3).join(", ")}`;
  const metrics = Object.entries(hit.metrics).slice(0, 2).map(([name, value]) => `${name} ${typeof value === "number" ? brief(value) : String(value)}`);
  return [hit.message, ...metrics].filter((part) => part !== "").join(" · ");
}
