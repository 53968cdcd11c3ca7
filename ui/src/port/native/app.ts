// What only the desktop app has, over the shell's door.

import type { AppCommand, AppEvent, AppReply } from "../../generated/app";
import type { AppCode, AppPort, Result, Settings } from "../port";
import type { Host } from "./host";

type Reply<T extends AppReply["type"]> = Extract<AppReply, { type: T }>;

export class ShellLink {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Sends a command and takes a reply of this kind; anything else is a failure with its code. Never rejects. */
  async ask<T extends AppReply["type"], V>(type: T, command: AppCommand, value: (reply: Reply<T>) => V): Promise<Result<V, AppCode>> {
    try {
      const reply = await this.#host.invoke<AppReply>("app", command);
      if (reply.type === type) return { ok: true, value: value(reply as Reply<T>) };
      return { ok: false, code: reply.type === "failed" ? reply.code : "unavailable" };
    } catch {
      return { ok: false, code: "unavailable" };
    }
  }

  do(command: AppCommand): Promise<Result<void, AppCode>> {
    return this.ask("done", command, () => undefined);
  }

  onEvent(handler: (event: AppEvent) => void): Promise<void> {
    return this.#host.listen("app://event", handler);
  }
}

export class NativeApp implements AppPort {
  readonly #shell: ShellLink;
  readonly #listeners = new Set<(settings: Settings) => void>();

  constructor(shell: ShellLink) {
    this.#shell = shell;
  }

  /** The shell or another window changed them. */
  changed(settings: Settings): void {
    for (const listener of this.#listeners) listener(settings);
  }

  onSettings(listener: (settings: Settings) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  info = () => must(this.#shell.ask("info", { type: "info" }, (r) => r.info));
  settings = () => must(this.#shell.ask("settings", { type: "settings" }, (r) => r.settings));
  saveSettings = (patch: Partial<Settings>) => this.#shell.do({ type: "save_settings", patch });
  recent = async () => {
    const all = await this.#shell.ask("recent", { type: "recent" }, (r) => r.meetings);
    return all.ok ? all.value : [];
  };
  forgetRecent = async (id: string) => void (await this.#shell.do({ type: "forget_recent", id }));
  openMeeting = (text: string) => this.#shell.do({ type: "open_meeting", text });
  accounts = async () => {
    const all = await this.#shell.ask("accounts", { type: "accounts" }, (r) => r.accounts);
    return all.ok ? all.value : [];
  };
  signIn = () => this.#shell.do({ type: "sign_in" });
  cancelSignIn = async () => void (await this.#shell.do({ type: "cancel_sign_in" }));
  signOut = (server: string) => this.#shell.do({ type: "sign_out", server });
  fetchFile = (path: string, name: string) => this.#shell.ask("file", { type: "fetch_file", path, name }, (r) => r.path);
  saveFile = (name: string, text: string) => this.#shell.ask("file", { type: "save_file", name, text }, (r) => r.path);
  openHome = async () => void (await this.#shell.do({ type: "open_home" }));
  close = async () => void (await this.#shell.do({ type: "close" }));
  openLink = async (url: string) => void (await this.#shell.do({ type: "open_link", url }));
  saveSupportBundle = () => this.#shell.ask("file", { type: "support_bundle" }, (r) => r.path);
  openDiagnostics = () => this.#shell.do({ type: "open_diagnostics" });
  checkUpdate = () => this.#shell.ask("update", { type: "check_update" }, (r) => r.update);
  installUpdate = () => this.#shell.do({ type: "install_update" });
}

/** For what the shell always has. */
async function must<V>(asked: Promise<Result<V, AppCode>>): Promise<V> {
  const answer = await asked;
  if (!answer.ok) throw new Error(answer.code);
  return answer.value;
}
