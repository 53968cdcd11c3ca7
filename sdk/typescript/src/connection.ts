// What connects: addresses, the token, errors. The operations are made from docs/openapi.json.

/** The server refused. The code is stable (docs/PROTOCOL.md), the message is for people. */
export class ConfabError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(`${code} (${status}): ${message}`);
    this.name = "ConfabError";
    this.status = status;
    this.code = code;
  }
}

interface More {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  /** The ETag a change is based on. */
  ifMatch?: string | undefined;
}

/** The way to one server with one token. */
export class Connection {
  readonly #server: string;
  readonly #token: string;
  readonly #send: typeof fetch;

  /** `server`: `https://meet.example.org`. */
  constructor(server: string, token: string, send: typeof fetch = (...args) => fetch(...args)) {
    this.#server = new URL(server).origin;
    this.#token = token;
    this.#send = send;
  }

  protected async call<T>(method: string, path: string, more: More = {}): Promise<T> {
    const url = new URL(path, this.#server);
    for (const [name, value] of Object.entries(more.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { authorization: `Bearer ${this.#token}` };
    if (more.ifMatch !== undefined) headers["if-match"] = more.ifMatch;
    if (more.body !== undefined) headers["content-type"] = "application/json";
    const answer = await this.#send(url, {
      method, headers, redirect: "error",
      ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw refused(answer.status, text);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
}

function refused(status: number, text: string): ConfabError {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
    if (typeof code === "string") return new ConfabError(status, code, String(message));
  } catch {
    // Not the API's own words: a proxy before it, perhaps.
  }
  return new ConfabError(status, "unknown", "the answer is not the API's");
}
