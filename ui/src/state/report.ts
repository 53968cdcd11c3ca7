// Saves the meeting's report as a file.

import type { MeetingModel } from "./meeting.svelte";
import { saveBlob } from "./savefile";

const NAME = "meeting-report.csv";

export async function saveReport(model: MeetingModel): Promise<void> {
  const report = await model.port.report?.();
  if (report === undefined) return;
  if (!report.ok) return model.problem(`error.${report.code}`, report.code);
  const { app } = model.port;
  if (app === undefined) {
    saveBlob(report.value, NAME);
    return model.tell("report.saved");
  }
  // A window of the app saves nothing itself. The mark at the beginning, which spreadsheets want, is part of the text.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await report.value.arrayBuffer());
  const saved = await app.saveFile(NAME, text);
  if (saved.ok) model.tell("report.saved_in", { path: saved.value });
  else model.problem(`error.${saved.code}`, saved.code);
}
