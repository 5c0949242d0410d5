// Lists of stacks as pages need them.

import { all, answer, api } from "./api/client";
import type { ContextInfo, StackInfo } from "./api/schema";
import type { StackPlace } from "./ref";

/** A stack with the context that it is in. */
export interface Listing {
  stack: StackInfo;
  context: ContextInfo | undefined;
}

/** Stacks of one page of the list. */
const PAGE = 1000;

/** Returns the stacks of all contexts whose names hold `part`, the latest first. */
export async function listStacks(part: string): Promise<Listing[]> {
  const q = part === "" ? {} : { q: part };
  const [stacks, contexts] = await Promise.all([
    all<StackInfo>((cursor) =>
      answer(
        api.GET("/api/v1/stacks", {
          params: { query: { context: "*", limit: PAGE, ...q, ...(cursor ? { cursor } : {}) } },
        }),
      ),
    ),
    listContexts(),
  ]);
  const byId = new Map(contexts.map((context) => [context.id, context]));
  return stacks.map((stack) => ({ stack, context: byId.get(stack.context) }));
}

/** Returns all contexts, own and followed. */
export function listContexts(): Promise<ContextInfo[]> {
  return all<ContextInfo>((cursor) =>
    answer(
      api.GET("/api/v1/contexts", {
        params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } },
      }),
    ),
  );
}

/** Returns where the page of a listed stack is. */
export function placeOf({ stack, context }: Listing): StackPlace {
  return { user: stack.user, context: context?.name ?? stack.context, name: stack.name };
}
