// One way to ask the server's HTTP API with the browser's own cookie: an answer, or the stable code why there is none.

import type { ErrorBody } from "../../generated/protocol";
import type { Outcome } from "../accounts";

export const API = "/api/v1";

export type Ask = <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Outcome<T>>;

/** Networks change while pages load, and browsers then give up what is under way. */
const AGAIN_MS = 700;

/** A request that changes nothing, made once more where no answer came. */
export async function twice(send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch {
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    return send();
  }
}

export function createAsk(send: typeof fetch): Ask {
  return async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Outcome<T>> => {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const init: RequestInit = {
      method, credentials: "same-origin", cache: "no-store", headers: { ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    try {
      const ask = () => send(API + path, init);
      const response = await (method === "GET" ? twice(ask) : ask());
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
