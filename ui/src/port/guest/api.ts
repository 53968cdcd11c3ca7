// The server's HTTP API, as far as a guest needs it (docs/PROTOCOL.md, "HTTP").

import type { ErrorBody } from "../../generated/protocol";
import type { CreateMeeting, MeetingCreated, MeetingInfo, Result } from "../port";

export function meetingInfo(meeting: string): Promise<Result<MeetingInfo>> {
  return call(`/api/v1/meetings/${encodeURIComponent(meeting)}`, {});
}

export function createMeeting(request: CreateMeeting): Promise<Result<MeetingCreated>> {
  return call("/api/v1/meetings", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) });
}

async function call<T>(path: string, init: RequestInit): Promise<Result<T>> {
  try {
    const response = await fetch(path, { ...init, credentials: "same-origin" });
    if (response.ok) return { ok: true, value: (await response.json()) as T };
    const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
    return { ok: false, code: body?.code ?? "internal" };
  } catch {
    return { ok: false, code: "unreachable" };
  }
}
