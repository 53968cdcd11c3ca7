// After signing out here: who came by the provider is taken to its page, to be signed out there too, and comes back.

import type { ProviderPage } from "../../port/port";

export function left(page: ProviderPage | undefined, onleft: () => void, go: (url: string) => void = (url) => location.assign(url)): void {
  if (page !== undefined && isWeb(page.url)) go(page.url);
  else onleft();
}

/** An address of another kind would run in this page. */
function isWeb(url: string): boolean {
  return /^https?:\/\//.test(url);
}
