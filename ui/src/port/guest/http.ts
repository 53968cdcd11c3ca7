// One way to ask the server's HTTP API with the browser's own cookie: an answer, or the stable code why there is none.

import type { ErrorBody } from "../../generated/protocol";
import type { Outcome } from "../accounts";

export const API = "/api/v1";

export type Ask = <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Outcome<T>>;

export function createAsk(send: typeof fetch): Ask {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Outcome<T>> => {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const init: RequestInit = {
      method, credentials: "same-origin", cache: "no-store", headers: { ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    try {
      const response = await send(API + path, init);
      if (response.ok) {
        const text = await response.text();
        return { ok: true, value: (text === "" ? undefined : JSON.parse(text)) as T };
      }
      const refused = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
      const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
      return { ok: false, code: refused?.code ?? "internal", ...(Number.isFinite(wait) && { wait }) };
    } catch {
      return { ok: false, code: "unreachable" };
    }
  };
}
