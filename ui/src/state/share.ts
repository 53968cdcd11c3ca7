// Copying the meeting's guest link; the host's secret is never in it.

import type { MeetingModel } from "./meeting.svelte";

export async function copyMeetingLink(model: MeetingModel, meeting: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(`${location.origin}/m/${meeting}`);
    model.tell("meeting.link_copied");
  } catch {
    model.problem("app.copy_failed", "clipboard");
  }
}
