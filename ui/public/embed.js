// <confab-meeting meeting="…" [server="…"] [name="…"]>: a meeting of a Confab server in another page (docs/API.md). The server shows
// itself only in pages whose origin its operator has listed; what goes through the frame's door is listed below and nothing else.
(() => {
  "use strict";
  /** Where this script comes from is where the server is, unless the page says otherwise. */
  const own = document.currentScript instanceof HTMLScriptElement ? new URL(document.currentScript.src).origin : undefined;
  const MAY = "camera; microphone; display-capture; autoplay; fullscreen; clipboard-write; screen-wake-lock; speaker-selection";
  const ID = /^[A-Za-z0-9-]{4,64}$/;

  /** Page of the meeting, or undefined where the attributes name none. */
  function address(server, meeting, name) {
    try {
      const given = new URL(meeting, server ? `${server.replace(/\/+$/, "")}/m/` : `${own}/m/`);
      const id = given.pathname.split("/").pop() ?? "";
      if (!/^https?:$/.test(given.protocol) || given.pathname !== `/m/${id}` || !ID.test(id)) return undefined;
      const page = new URL(`/m/${id}`, given.origin);
      if (name) page.searchParams.set("name", name);
      page.hash = given.hash;
      return page;
    } catch {
      return undefined;
    }
  }

  class ConfabMeeting extends HTMLElement {
    static observedAttributes = ["meeting", "server", "name"];
    #frame;
    #page;
    #hear = (event) => this.#onMessage(event);

    connectedCallback() {
      window.addEventListener("message", this.#hear);
      this.#show();
    }

    disconnectedCallback() {
      window.removeEventListener("message", this.#hear);
      this.#frame?.remove();
      this.#frame = undefined;
      this.#page = undefined;
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#show();
    }

    mute() {
      this.#say("mute");
    }

    unmute() {
      this.#say("unmute");
    }

    leave() {
      this.#say("leave");
    }

    #show() {
      const page = address(this.getAttribute("server"), this.getAttribute("meeting") ?? "", this.getAttribute("name"));
      if (page?.href === this.#page?.href && this.#frame !== undefined) return;
      this.#frame?.remove();
      this.#frame = undefined;
      this.#page = page;
      if (page === undefined) return;
      const frame = document.createElement("iframe");
      frame.allow = MAY;
      frame.title = this.getAttribute("title") ?? "Confab";
      frame.style.cssText = "border: 0; width: 100%; height: 100%; display: block";
      frame.src = page.href;
      if (getComputedStyle(this).display === "inline") this.style.display = "block";
      this.append(frame);
      this.#frame = frame;
    }

    #say(type) {
      this.#frame?.contentWindow?.postMessage({ confab: 1, type }, this.#page.origin);
    }

    #onMessage(event) {
      const { data, source, origin } = event;
      if (this.#frame === undefined || source !== this.#frame.contentWindow || origin !== this.#page.origin) return;
      if (typeof data !== "object" || data === null || data.confab !== 1) return;
      if (!["joined", "left", "ended"].includes(data.type)) return;
      const detail = typeof data.code === "string" ? { code: data.code } : {};
      this.dispatchEvent(new CustomEvent(`confab-${data.type}`, { detail, bubbles: true, composed: true }));
    }
  }

  if (customElements.get("confab-meeting") === undefined) customElements.define("confab-meeting", ConfabMeeting);
})();
