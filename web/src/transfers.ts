// Transfers as pages need them: listed, let wait, limited.

import { useEffect } from "preact/hooks";

import { act } from "./acts";
import { answer, api } from "./api/client";
import { changeSettings } from "./configuration";
import type { Event as DaemonEvent, TransferInfo, TransferList } from "./api/schema";
import { size } from "./format";
import { type Query, useQuery } from "./live/query";

/** Returns the transfers that run or wait. */
export function listTransfers(): Promise<TransferList> {
  return answer(api.GET("/api/v1/transfers"));
}

/** Whether the list may be another one after an event. */
function movesTransfers({ event }: DaemonEvent): boolean {
  return event.startsWith("transfer.") || event === "peer.disconnected";
}

/** How often transfers are asked for again while there are some, in milliseconds. */
const AGAIN = 2000;

/**
 * Returns the transfers that run or wait, and keeps them current: how fast they are no event tells, nor
 * that one that goes to a peer has ended.
 */
export function useTransfers(): Query<TransferList> {
  const transfers = useQuery("transfers", listTransfers, movesTransfers);
  const moves = (transfers.data?.transfers.length ?? 0) > 0;
  const { again } = transfers;
  useEffect(() => {
    if (!moves) return undefined;
    const asking = setInterval(() => document.visibilityState === "visible" && again(), AGAIN);
    return () => clearInterval(asking);
  }, [moves, again]);
  return transfers;
}

/** Lets a transfer wait or go on; all where none is named. */
export async function pause(on: boolean, id?: number): Promise<TransferList | undefined> {
  const body = id === undefined ? {} : { id };
  const call = on
    ? api.POST("/api/v1/transfers/pause", { body })
    : api.POST("/api/v1/transfers/resume", { body });
  return act(answer(call));
}

/** Sets how many bytes may come and go in a second; 0 for any number. */
export function limit(down: number, up: number): Promise<unknown> {
  const limits = { "net.limit_down": String(down), "net.limit_up": String(up) };
  return act(changeSettings(limits), "The limits hold from now on");
}

/** Bytes a second, in words. */
export function rate(bytes: number): string {
  return `${size(bytes)}/s`;
}

/** How long something takes yet, in words. */
export function left(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  return `${Math.round(seconds / 360) / 10} h left`;
}

/** The sum of what comes, or goes, in a second. */
export function speed(transfers: TransferInfo[], direction: "in" | "out"): number {
  return transfers
    .filter((one) => one.direction === direction && !one.paused)
    .reduce((sum, one) => sum + one.rate, 0);
}

/** Returns the transfers at whose other end a user is, or may be. */
export function withUser(transfers: readonly TransferInfo[], user: string): TransferInfo[] {
  return transfers.filter(({ peers }) => peers.some((peer) => peer.user?.user === user));
}
