// A client of a Confab server's HTTP API for programs (docs/API.md):
//
//   const confab = new Confab("https://meet.example.org", "cft_…");
//   const { occurrences } = await confab.listMeetings({ limit: 10 });

export { ConfabError } from "./connection";
export * from "./generated/api";
