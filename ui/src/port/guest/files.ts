// Files of the chat by the server's HTTP API (docs/PROTOCOL.md, "Files"): shown is the seat, not a cookie.

import type { ErrorBody, FileLimits, SharedFile } from "../../generated/protocol";
import type { Code, FilesPort, Result } from "../port";

/** Whose seat in which meeting. */
export interface FileSeat {
  meeting: string;
  participant: number;
  token: string;
}

/** `seat`: undefined while there is none. */
export function createFiles(seat: () => FileSeat | undefined, send: typeof fetch = (...args) => fetch(...args)): FilesPort {
  async function get<T>(path: string, read: (response: Response) => Promise<T>): Promise<Result<T>> {
    const own = seat();
    if (own === undefined) return { ok: false, code: "not_found" };
    try {
      const response = await send(`${filesOf(own)}${path}`, { headers: headersOf(own), credentials: "same-origin" });
      if (response.ok) return { ok: true, value: await read(response) };
      return { ok: false, code: codeOf(await response.text()) };
    } catch {
      return { ok: false, code: "unreachable" };
    }
  }

  return {
    limits: () => get("", (response) => response.json() as Promise<FileLimits>),
    download: (file) => get(`/${encodeURIComponent(file.id)}`, async (response) => new Blob([await response.arrayBuffer()], { type: "application/octet-stream" })),
    upload: (file, progress, abort) => {
      const own = seat();
      return own === undefined ? Promise.resolve({ ok: false, code: "not_found" }) : put(own, file, progress, abort);
    },
  };
}

/** By XMLHttpRequest: fetch tells nothing of how far an upload is. */
function put(own: FileSeat, file: File, progress: (share: number) => void, abort: AbortSignal): ReturnType<FilesPort["upload"]> {
  return new Promise((resolve) => {
    if (abort.aborted) return resolve({ ok: false, code: "cancelled" });
    const request = new XMLHttpRequest();
    request.open("POST", `${filesOf(own)}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    for (const [name, value] of Object.entries(headersOf(own))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.total > 0 ? event.loaded / event.total : 0);
    request.onload = () => {
      const shared = request.status === 201 ? (JSON.parse(request.responseText) as SharedFile) : undefined;
      resolve(shared !== undefined ? { ok: true, value: shared } : { ok: false, code: codeOf(request.responseText) });
    };
    request.onerror = () => resolve({ ok: false, code: "unreachable" });
    request.onabort = () => resolve({ ok: false, code: "cancelled" });
    abort.addEventListener("abort", () => request.abort(), { once: true });
    // Without its own type: the server takes bytes.
    request.send(new Blob([file]));
  });
}

function filesOf({ meeting }: FileSeat): string {
  return `/api/v1/meetings/${encodeURIComponent(meeting)}/files`;
}

function headersOf({ participant, token }: FileSeat): Record<string, string> {
  return { "x-seat": `${participant}:${token}` };
}

function codeOf(body: string): Code {
  try {
    return (JSON.parse(body) as Partial<ErrorBody>).code ?? "internal";
  } catch {
    return "internal";
  }
}
