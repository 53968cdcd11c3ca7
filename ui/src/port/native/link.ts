// The way to this window's participant, who lives in the shell and outlives the page: commands there, state and events back.
// A page begins with everything, then follows numbered patches; one that is missing makes it begin again.

import type { BusAddress, DeskCommand, DeskEvent, DeskPatch, DeskReply } from "../../generated/desk";
import type { PortState } from "../port";
import type { Host } from "./host";
import { NOTHING, patched, portState } from "./state";

export interface LinkEvents {
  changed(state: PortState): void;
  event(event: DeskEvent): void;
}

type Reply<T extends DeskReply["type"]> = Extract<DeskReply, { type: T }>;

export class DeskLink {
  state: PortState = NOTHING;
  bus: BusAddress | undefined;
  readonly #host: Host;
  readonly #events: LinkEvents;
  /** Number of the last patch in `state`; none while attaching. */
  #seq: number | undefined;
  /** What came while attaching. */
  #early: DeskPatch[] = [];

  constructor(host: Host, events: LinkEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Listens, then takes the whole state. */
  async open(): Promise<void> {
    await this.#host.listen<DeskPatch>("desk://state", (patch) => this.#onPatch(patch));
    await this.#host.listen<DeskEvent>("desk://event", (event) => this.#events.event(event));
    await this.#attach();
  }

  /** Sends a command; a reply of another kind than `type` is undefined. Never rejects. */
  async ask<T extends DeskReply["type"]>(type: T, command: DeskCommand): Promise<Reply<T> | Reply<"failed"> | undefined> {
    const reply = await this.reply(command);
    return reply?.type === type || reply?.type === "failed" ? (reply as Reply<T> | Reply<"failed">) : undefined;
  }

  /** As [ask], whatever the reply. */
  async reply(command: DeskCommand): Promise<DeskReply | undefined> {
    try {
      return await this.#host.invoke<DeskReply>("desk", command);
    } catch {
      // The shell refuses only what is no command, or is ending.
      return undefined;
    }
  }

  async tell(command: DeskCommand): Promise<void> {
    await this.ask("done", command);
  }

  async #attach(): Promise<void> {
    this.#seq = undefined;
    const reply = await this.ask("attached", { type: "attach" });
    if (reply?.type !== "attached") return;
    this.bus = reply.bus;
    this.#seq = reply.state.seq;
    this.state = portState(reply.state);
    const early = this.#early;
    this.#early = [];
    this.#events.changed(this.state);
    for (const patch of early) this.#onPatch(patch);
  }

  #onPatch(patch: DeskPatch): void {
    if (this.#seq === undefined) {
      this.#early.push(patch);
      return;
    }
    if (patch.seq <= this.#seq) return;
    if (patch.seq > this.#seq + 1) {
      this.#early.push(patch);
      void this.#attach();
      return;
    }
    this.#seq = patch.seq;
    this.state = patched(this.state, patch);
    this.#events.changed(this.state);
  }
}
