// The server's HTTP API, as far as a guest needs it (docs/PROTOCOL.md, "HTTP").

import type { ErrorBody } from "../../generated/protocol";
import type { CreateMeeting, MeetingCreated, MeetingInfo, MeetingStanding, Result } from "../port";
import { twice } from "./http";

export function meetingInfo(meeting: string): Promise<Result<MeetingInfo & MeetingStanding>> {
  return call(`/api/v1/meetings/${encodeURIComponent(meeting)}`, {});
}

export function createMeeting(request: CreateMeeting): Promise<Result<MeetingCreated>> {
  return call("/api/v1/meetings", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) });
}

/** Who was there, polls and questions so far, for who leads the meeting and has a seat in it. */
export function meetingReport(meeting: string, seat: { participant: number; token: string }): Promise<Result<Blob>> {
  const headers = { "x-seat": `${seat.participant}:${seat.token}` };
  return call(`/api/v1/meetings/${encodeURIComponent(meeting)}/report`, { headers }, (response) => response.blob());
}

async function call<T>(path: string, init: RequestInit, read: (response: Response) => Promise<T> = (response) => response.json() as Promise<T>): Promise<Result<T>> {
  try {
    const ask = () => fetch(path, { ...init, credentials: "same-origin" });
    const response = await (init.method === undefined ? twice(ask) : ask());
    if (response.ok) return { ok: true, value: await read(response) };
    const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
    return { ok: false, code: body?.code ?? "internal" };
  } catch {
    return { ok: false, code: "unreachable" };
  }
}
