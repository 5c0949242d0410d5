import { Virtualizer, observeWindowOffset, observeWindowRect, windowScroll } from "@tanstack/virtual-core";
import { useEffect, useRef } from "preact/hooks";

import { plain, size } from "../format";
import { stackPath } from "../ref";
import { type Listing, placeOf } from "../stacks";
import { useDraw } from "./draw";
import { Icon } from "./icon";
import { Time } from "./time";

/** Height of a line in pixels; a narrow window shows two lines of text in it. */
const LINE = 60;

/** Stacks one below the other; of thousands only those in sight are drawn. */
export function StackList({ listed }: { listed: Listing[] }) {
  const list = useRef<HTMLUListElement>(null);
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
  });
  useEffect(() => virtual._didMount(), [virtual]);
  useEffect(() => virtual._willUpdate());
  return (
    <ul ref={list} class="stack-list card" style={{ height: `${virtual.getTotalSize()}px` }}>
      {virtual.getVirtualItems().map(({ index, start }) => {
        const one = listed[index] as Listing;
        return (
          <li
            key={one.stack.context + one.stack.user + one.stack.id}
            style={{ transform: `translateY(${start - (virtual.options.scrollMargin ?? 0)}px)`, height: `${LINE}px` }}
            aria-setsize={listed.length}
            aria-posinset={index + 1}
          >
            <StackLine listing={one} />
          </li>
        );
      })}
    </ul>
  );
}

/** One stack: what it is called, where it is from, and what was pushed last. */
export function StackLine({ listing }: { listing: Listing }) {
  const { stack, context } = listing;
  const { head } = stack;
  const away = head?.bytes != null && head.bytes_here != null && head.bytes_here < head.bytes;
  return (
    <a class="stack-line" href={stackPath(placeOf(listing))}>
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
      <span class="message cut muted">{plain(head?.message ?? "")}</span>
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
