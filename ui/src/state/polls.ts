// What a poll's form and its results need to know. Pure.

import { MAX_OPTION, MAX_OPTIONS, MAX_QUESTION, type NewPoll, type Poll, type Question } from "../generated/protocol";

export interface PollDraft {
  question: string;
  options: { text: string; right: boolean }[];
  multiple: boolean;
  anonymous: boolean;
  live: boolean;
}

/** The poll as it is asked for; undefined while something is missing. Empty options are left out. */
export function draftPoll(draft: PollDraft): NewPoll | undefined {
  const filled = draft.options.map((o) => ({ ...o, text: o.text.trim() })).filter((o) => o.text !== "");
  const question = draft.question.trim();
  const correct = filled.flatMap((o, i) => (o.right ? [i] : []));
  const long = (text: string, most: number) => [...text].length > most;
  if (question === "" || long(question, MAX_QUESTION) || filled.length < 2 || filled.length > MAX_OPTIONS) return undefined;
  if (filled.some((o) => long(o.text, MAX_OPTION)) || (!draft.multiple && correct.length > 1)) return undefined;
  return { question, options: filled.map((o) => o.text), multiple: draft.multiple, anonymous: draft.anonymous, live: draft.live, correct };
}

export interface PollRow {
  option: string;
  /** Absent while results are not told. */
  votes?: number;
  /** Share of those who voted, 0 to 100. */
  percent: number;
  own: boolean;
  right: boolean;
  /** Who chose it, where that is told. */
  names: string[];
}

/** The options with what is known of them. */
export function pollRows(poll: Poll, own: readonly number[]): PollRow[] {
  return poll.options.map((option, i) => {
    const votes = poll.results[i];
    return {
      option,
      ...(votes !== undefined && { votes }),
      percent: votes === undefined || poll.voters === 0 ? 0 : Math.round((votes / poll.voters) * 100),
      own: own.includes(i),
      right: poll.correct.includes(i),
      names: poll.votes.filter((v) => v.choices.includes(i)).map((v) => v.name),
    };
  });
}

/** Open questions first, those most wanted above; answered ones below. */
export function orderQuestions(questions: readonly Question[]): Question[] {
  const answered = (q: Question) => Number(q.answer !== undefined);
  return [...questions].sort((a, b) => answered(a) - answered(b) || b.votes.length - a.votes.length || a.id - b.id);
}
