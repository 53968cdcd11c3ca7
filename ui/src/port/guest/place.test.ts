import { expect, it } from "vitest";
import { placeOf } from "./place";

const ID = "0123456789abcdefghjkmnpqrs";

it("tells the start page, a meeting, and an address of nothing apart", () => {
  expect(placeOf("/", "https://meet.example")).toEqual({ kind: "home" });
  expect(placeOf(`/m/${ID}`, "https://meet.example")).toEqual({ kind: "meeting", meeting: ID, server: "https://meet.example" });
  expect(placeOf("/m/short", "https://meet.example")).toEqual({ kind: "nowhere" });
  expect(placeOf("/admin/x", "https://meet.example")).toEqual({ kind: "nowhere" });
});

it("knows the pages of accounts", () => {
  expect(placeOf("/admin", "")).toEqual({ kind: "admin" });
  expect(placeOf("/account", "")).toEqual({ kind: "account", page: "own" });
  for (const page of ["join", "reset", "forgot", "ask"]) expect(placeOf(`/account/${page}`, "")).toEqual({ kind: "account", page });
  expect(placeOf("/account/own", "")).toEqual({ kind: "nowhere" });
});
