import { expect, it } from "vitest";
import type { Poll, Question } from "../generated/protocol";
import { draftPoll, orderQuestions, pollRows, type PollDraft } from "./polls";

const draft = (change: Partial<PollDraft>): PollDraft => ({
  question: "Tea?", options: [{ text: "Yes", right: false }, { text: "No", right: false }], multiple: false, anonymous: true, live: false, ...change,
});

it("takes a poll with a question and two options", () => {
  expect(draftPoll(draft({ question: "  Tea? " }))).toEqual({ question: "Tea?", options: ["Yes", "No"], multiple: false, anonymous: true, live: false, correct: [] });
});

it("leaves empty options out, and counts right ones by what is left", () => {
  const options = [{ text: " ", right: true }, { text: "Yes", right: false }, { text: "No", right: true }];
  expect(draftPoll(draft({ options }))).toMatchObject({ options: ["Yes", "No"], correct: [1] });
});

it("waits until enough is there, and for one right answer where one may be chosen", () => {
  expect(draftPoll(draft({ question: " " }))).toBeUndefined();
  expect(draftPoll(draft({ options: [{ text: "Yes", right: false }, { text: "", right: false }] }))).toBeUndefined();
  const both = [{ text: "Yes", right: true }, { text: "No", right: true }];
  expect(draftPoll(draft({ options: both }))).toBeUndefined();
  expect(draftPoll(draft({ options: both, multiple: true }))?.correct).toEqual([0, 1]);
  expect(draftPoll(draft({ options: Array.from({ length: 11 }, (_, i) => ({ text: `${i}`, right: false })) }))).toBeUndefined();
});

const poll: Poll = {
  id: 1, question: "Tea?", options: ["Yes", "No"], multiple: false, anonymous: false, live: true, closed: true, quiz: true, voters: 3, results: [2, 1], correct: [0],
  votes: [{ participant: 1, name: "Ana", choices: [0] }, { participant: 2, name: "Bo", choices: [1] }],
};

it("shows shares of those who voted, who they were, and what is right", () => {
  expect(pollRows(poll, [1])).toEqual([
    { option: "Yes", votes: 2, percent: 67, own: false, right: true, names: ["Ana"] },
    { option: "No", votes: 1, percent: 33, own: true, right: false, names: ["Bo"] },
  ]);
});

it("shows no result that is not told", () => {
  const rows = pollRows({ ...poll, closed: false, results: [], votes: [], correct: [] }, []);
  expect(rows[0]).toEqual({ option: "Yes", percent: 0, own: false, right: false, names: [] });
});

it("puts what many want above, and what is answered below", () => {
  const question = (id: number, votes: number[], answered = false): Question => ({
    id, from: 9, name: "Ana", text: "?", at: 0, client_id: `${id}`, votes, ...(answered && { answer: { by: 1 } }),
  });
  expect(orderQuestions([question(1, [2, 3, 4], true), question(2, []), question(3, [1]), question(4, [5])]).map((q) => q.id)).toEqual([3, 4, 2, 1]);
});
