// What a page shows of the daemon: asked for once, kept while the daemon is away, and asked for
// again when an event says that it may have changed.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import type { Event as DaemonEvent } from "../api/schema";
import { listen } from "./feed";

/** What is known of an answer. */
export interface Query<T> {
  /** The answer, the last one where a newer cannot be had. */
  readonly data: T | undefined;
  /** Why the last try failed. */
  readonly error: Error | undefined;
  /** Whether an answer is waited for. */
  readonly loading: boolean;
  /** Asks again. */
  readonly again: () => void;
}

/** How long events are gathered before an answer is asked for again, in milliseconds. */
const GATHER = 60;

/** A question that is asked again when it has to be. */
export class Asked<T> {
  readonly state: Signal<Query<T>>;
  private round = 0;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private readonly unlisten: () => void;

  /**
   * @param ask asks the daemon
   * @param stale tells whether the answer may be another one after an event
   */
  constructor(
    private readonly ask: () => Promise<T>,
    stale: (event: DaemonEvent) => boolean,
  ) {
    const again = () => void this.run();
    this.state = signal({ data: undefined, error: undefined, loading: true, again });
    this.unlisten = listen((event) => {
      if (event.event !== "resync" && !stale(event)) return;
      this.waiting ??= setTimeout(again, GATHER);
    });
    again();
  }

  /** Ends it: later answers and events change nothing. */
  end(): void {
    this.unlisten();
    clearTimeout(this.waiting);
    this.round += 1;
  }

  private async run(): Promise<void> {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    const round = ++this.round;
    this.change({ loading: true });
    try {
      const data = await this.ask();
      if (round === this.round) this.change({ data, error: undefined, loading: false });
    } catch (error) {
      if (round === this.round) this.change({ error: error as Error, loading: false });
    }
  }

  private change(part: Partial<Query<T>>): void {
    this.state.value = { ...this.state.peek(), ...part };
  }
}

/**
 * Returns what is known of an answer, and keeps it current as long as the component is shown.
 *
 * @param key what the question depends on; another key is another question
 */
export function useQuery<T>(
  key: string,
  ask: () => Promise<T>,
  stale: (event: DaemonEvent) => boolean = () => false,
): Query<T> {
  // The key stands for all that `ask` and `stale` close over.
  const asked = useMemo(() => new Asked(ask, stale), [key]);
  useEffect(() => () => asked.end(), [asked]);
  return asked.state.value;
}

