import { expect, it } from "vitest";
import { left } from "./left";

function leave(url: string | undefined): string[] {
  const went: string[] = [];
  left(url === undefined ? undefined : { url }, () => went.push("here"), (to) => went.push(to));
  return went;
}

it("goes to the provider's page where there is one, and nowhere else", () => {
  expect(leave(undefined)).toEqual(["here"]);
  expect(leave("https://id.example/logout?id_token_hint=x")).toEqual(["https://id.example/logout?id_token_hint=x"]);
  expect(leave("javascript:alert(1)")).toEqual(["here"]);
});
