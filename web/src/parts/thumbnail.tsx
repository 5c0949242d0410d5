import { useState } from "preact/hooks";

import { contentUrl } from "../api/client";
import { reference } from "../ref";
import { type Listing, placeOf } from "../stacks";
import { type Type, typeOf, TYPES } from "../types";
import { Icon, type IconName } from "./icon";

/** Largest picture in bytes that is shown small. */
const SMALL = 3_000_000;

const ICONS: Record<Type, IconName> = {
  picture: "image",
  figure: "chart",
  table: "table",
  text: "text",
  notebook: "code",
  model: "model",
  sound: "play",
  other: "file",
};

/** Returns the icon of what a file stands for. */
export function iconOf(cover: Parameters<typeof typeOf>[0]): IconName {
  return ICONS[typeOf(cover)];
}

/** A picture of the stack, small; else what it is. */
export function Thumbnail({ listing }: { listing: Listing }) {
  const { head } = listing.stack;
  const cover = head?.cover;
  const type = typeOf(cover);
  const [broken, setBroken] = useState(false);
  const picture = head && cover?.here === true && type === "picture" && cover.size <= SMALL && !broken;
  if (!picture) {
    return (
      <span class={`thumb is-${type}`} title={TYPES[type]}>
        <Icon name={ICONS[type]} size={18} />
      </span>
    );
  }
  return (
    <span class="thumb shown">
      <img
        src={contentUrl(reference({ ...placeOf(listing), rev: head.frame }, cover.path))}
        alt=""
        width={44}
        height={36}
        loading="lazy"
        decoding="async"
        onError={() => setBroken(true)}
      />
    </span>
  );
}
