// What a refusal of the account API says to a person.

import { hasText, t, type MessageKey } from "../../i18n/i18n.svelte";
import type { Code, Refusal } from "../../port/port";

/** "Only a host may do this" is said in meetings. */
const OWN: Partial<Record<Refusal["code"], MessageKey>> = { not_allowed: "account.not_allowed" };

/** Whether there is something to say about it. */
export function isKnownCode(code: string): code is Code {
  return hasText(`error.${code}`);
}

export function refusalText(refusal: Refusal): string {
  if (refusal.code === "too_many_tries" && refusal.wait !== undefined) {
    return t("account.wait", { n: refusal.wait });
  }
  return t(OWN[refusal.code] ?? `error.${refusal.code}`);
}
