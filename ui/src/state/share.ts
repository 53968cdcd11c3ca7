// Copying the meeting's guest link; the host's secret is never in it.

import { meetingLink } from "./links";
import type { MeetingModel } from "./meeting.svelte";

export async function copyMeetingLink(model: MeetingModel): Promise<void> {
  const place = model.port.place;
  try {
    await navigator.clipboard.writeText("meeting" in place ? meetingLink(place.server, place.meeting) : location.href);
    model.tell("meeting.link_copied");
  } catch {
    model.problem("app.copy_failed", "clipboard");
  }
}
