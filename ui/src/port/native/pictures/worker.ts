// The picture worker: the engine away from the page's own thread, which then takes no part in pictures.

import { Engine } from "./engine";
import type { FromWorker, ToWorker } from "./talk";

/** The part of a worker's global scope that is used; TypeScript's DOM library only knows windows. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  close(): void;
}

const scope = globalThis as unknown as Scope;
const engine = new Engine((message) => scope.postMessage(message));
scope.onmessage = ({ data }) => {
  engine.hear(data);
  if (data.type === "stop") scope.close();
};
scope.postMessage({ type: "ready" });
