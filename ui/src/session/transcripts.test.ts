// Repeats the recorded transcripts. The Rust twin is held to the same ones.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Session, type Input, type JoinOptions, type Output, type SessionState } from "./session";

const FOLDER = new URL("../../../tests/data/transcripts/", import.meta.url);

interface Step {
  at: number;
  input: Input;
  outputs: Output[];
  state: Partial<SessionState>;
  wakeup: number | null;
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));

test("there are transcripts", () => {
  expect(files.length).toBeGreaterThanOrEqual(10);
});

test.each(files)("%s repeats", (name) => {
  const [head, ...lines] = readFileSync(new URL(name, FOLDER), "utf8").trimEnd().split("\n");
  const { options } = JSON.parse(head ?? "") as { options: JoinOptions };
  const session = new Session(options);
  let state: Partial<SessionState> = {};
  lines.forEach((line, i) => {
    const place = `${name}:${i + 2}`;
    const step = JSON.parse(line) as Step;
    session.handle(step.input, step.at);
    const outputs: Output[] = [];
    for (let output = session.poll(); output !== undefined; output = session.poll()) outputs.push(output);
    // Through JSON, as on the wire: an absent field and an undefined one are the same.
    expect(JSON.parse(JSON.stringify(outputs)), place).toEqual(step.outputs);
    const known = Object.entries({ ...state, ...step.state }).filter(([, value]) => value !== null);
    state = Object.fromEntries(known) as Partial<SessionState>;
    expect(JSON.parse(JSON.stringify(session.state)), place).toEqual(state);
    expect(session.nextWakeup() ?? null, place).toBe(step.wakeup);
  });
});
