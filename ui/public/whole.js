// Loads the page anew where a part of it did not come: browsers give up what they are loading when the network changes, as it does for
// a laptop that has just been opened, and half a page is of no use to anybody. A page that came whole begins counting again.
(() => {
  "use strict";
  const KEY = "confab-loads";
  const MOST = 3;
  const PAUSE_MS = 700;
  let broken = false;
  let loads = 0;

  function remember(count) {
    try {
      if (count === 0) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, String(count));
      return true;
    } catch {
      // Without a memory it could go on for ever.
      return false;
    }
  }

  function again() {
    if (navigator.onLine) setTimeout(() => location.reload(), PAUSE_MS);
    else addEventListener("online", again, { once: true });
  }

  try {
    loads = Number(sessionStorage.getItem(KEY)) || 0;
  } catch {
    // As if it were the first time; `remember` finds out.
  }
  addEventListener("error", ({ target }) => {
    const part = target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === "stylesheet");
    // What comes later says by itself that it is missing: nobody is thrown out of a meeting for it.
    if (!part || broken || document.readyState === "complete") return;
    broken = true;
    if (loads + 1 < MOST && remember(loads + 1)) again();
  }, true);
  addEventListener("load", () => broken || remember(0));
})();
