// What every page shows of this node.

import { computed, signal } from "@preact/signals";

import { answer, api } from "./api/client";
import type { NodeStatus } from "./api/schema";
import { Asked } from "./live/query";

const asked = signal<Asked<NodeStatus> | undefined>(undefined);

/** The node, as soon as it is known. */
export const node = computed(() => asked.value?.state.value.data);

/** Begins to keep the state of the node current; called once for a page. */
export function keepNode(): void {
  asked.value = new Asked(
    () => answer(api.GET("/api/v1/node")),
    ({ event }) => event !== "transfer.progressed" && event !== "attachment.available",
  );
}
