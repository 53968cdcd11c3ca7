// The account part of the server's HTTP API (docs/PROTOCOL.md, "Accounts"), with the browser's own cookie.

import type { AppPage, NewPasskeyChallenge, Passkey, PasskeyChallenge, ProviderPage, Standing } from "../../generated/protocol";
import type { AccountsPort } from "../accounts";
import { API, createAsk } from "./http";
import { askPasskey, hasPasskeys, makePasskey } from "./passkeys";

export function createAccounts(send: typeof fetch = (...args) => fetch(...args)): AccountsPort {
  const call = createAsk(send);
  const after = (next?: string) => (next === undefined ? "" : `?after=${encodeURIComponent(next)}`);
  const id = encodeURIComponent;

  return {
    standing: () => call("GET", "/session"),
    providerPage: `${API}/session/provider`,
    get passkeys() {
      return hasPasskeys();
    },
    async signInByPasskey() {
      const challenge = await call<PasskeyChallenge>("POST", "/session/passkey/challenge");
      if (!challenge.ok) return challenge;
      const answer = await askPasskey(challenge.value);
      return answer.ok ? call<Standing>("POST", "/session/passkey", answer.value) : answer;
    },
    ways: () => call("GET", "/account/ways"),
    async linkProvider() {
      const page = await call<ProviderPage>("POST", "/account/provider");
      return page.ok ? { ok: true, value: page.value.url } : page;
    },
    unlinkProvider: () => call("DELETE", "/account/provider"),
    async addPasskey(me, name) {
      const challenge = await call<NewPasskeyChallenge>("POST", "/account/passkeys/challenge");
      if (!challenge.ok) return challenge;
      const made = await makePasskey(challenge.value, me);
      return made.ok ? call<Passkey>("POST", "/account/passkeys", { ...made.value, name }) : made;
    },
    removePasskey: (passkey) => call("DELETE", `/account/passkeys/${id(passkey)}`),
    signIn: (email, password) => call("POST", "/session", { email, password }),
    signOut: () => call("DELETE", "/session"),
    signOutEverywhere: () => call("DELETE", "/account/sessions"),
    async letAppIn(wish) {
      const page = await call<AppPage>("POST", "/session/app", wish);
      return page.ok ? { ok: true, value: page.value.url } : page;
    },
    invitation: (token) => call("POST", "/invitations/look", { token }),
    join: (token, name, password, language) => call("POST", "/accounts", { token, name, password, language }),
    askForAccount: (email, language) => call("POST", "/accounts/request", { email, language }),
    askForReset: (email, language) => call("POST", "/account/reset", { email, language }),
    reset: (token, password) => call("POST", "/account/reset/confirm", { token, password }),
    changeProfile: (change) => call("PATCH", "/account", change),
    changePassword: (current, password) => call("POST", "/account/password", { current, password }),
    sessions: () => call("GET", "/account/sessions"),
    endSession: (session) => call("DELETE", `/account/sessions/${id(session)}`),
    exportPage: `${API}/account/export`,
    deleteOwn: (email, password) => call("POST", "/account/delete", { email, password }),
    calendar: () => call("GET", "/account/calendar"),
    connectCalendar: (wish) => call("PUT", "/account/calendar", wish),
    pushCalendar: (replace) => call("POST", "/account/calendar/push", { replace }),
    disconnectCalendar: (remove) => call("DELETE", `/account/calendar?events=${remove ? "remove" : "keep"}`),
    tokens: () => call("GET", "/account/tokens"),
    makeToken: (name, scopes, days) => call("POST", "/account/tokens", { name, scopes, ...(days !== undefined && { days }) }),
    revokeToken: (token) => call("DELETE", `/account/tokens/${id(token)}`),
    accounts: (next) => call("GET", `/accounts${after(next)}`),
    changeAccount: (account, change) => call("PATCH", `/accounts/${id(account)}`, change),
    deleteAccount: (account) => call("DELETE", `/accounts/${id(account)}`),
    invite: (email, role, sendLetter, language) => call("POST", "/invitations", { email, role, send: sendLetter, language }),
    invitations: () => call("GET", "/invitations"),
    revoke: (invitation) => call("DELETE", `/invitations/${id(invitation)}`),
    audit: (next) => call("GET", `/audit${after(next)}`),
    liveMeetings: () => call("GET", "/admin/meetings"),
    endLiveMeeting: (meeting) => call("POST", `/admin/meetings/${id(meeting)}/end`),
    sendOut: (meeting, person) => call("DELETE", `/admin/meetings/${id(meeting)}/people/${person}`),
    allPlans: (from, until) => call("GET", `/admin/plans?from=${Math.floor(from)}&until=${Math.floor(until)}`),
    serverPolicy: () => call("GET", "/admin/policy"),
    allTokens: () => call("GET", "/admin/tokens"),
    makeServerToken: (name, scopes, days) => call("POST", "/admin/tokens", { name, scopes, ...(days !== undefined && { days }) }),
    revokeAnyToken: (token) => call("DELETE", `/admin/tokens/${id(token)}`),
    webhooks: () => call("GET", "/admin/webhooks"),
    makeWebhook: (url, events) => call("POST", "/admin/webhooks", { url, events }),
    changeWebhook: (hook, change) => call("PATCH", `/admin/webhooks/${id(hook)}`, change),
    removeWebhook: (hook) => call("DELETE", `/admin/webhooks/${id(hook)}`),
    deliveries: (hook) => call("GET", `/admin/webhooks/${id(hook)}/deliveries`),
    sendAgain: (hook, delivery) => call("POST", `/admin/webhooks/${id(hook)}/deliveries/${id(delivery)}/send`),
    testWebhook: (hook) => call("POST", `/admin/webhooks/${id(hook)}/test`),
    calls: (next) => call("GET", `/admin/calls${after(next)}`),
    call: (one) => call("GET", `/admin/calls/${one}`),
  };
}
