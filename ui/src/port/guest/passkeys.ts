// The browser's part of passkeys (WebAuthn): asking for one, making one. Bytes travel as base64url without padding.

import type { Account, NewPasskey, NewPasskeyChallenge, PasskeyAnswer, PasskeyChallenge } from "../../generated/protocol";
import type { Outcome } from "../accounts";

/** ES256, EdDSA, RS256: what the server checks, the usual one first. */
const ALGORITHMS = [-7, -8, -257];
/** As long as the server waits for an answer. */
const TIMEOUT = 5 * 60 * 1000;

export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && navigator.credentials !== undefined;
}

/** An answer by any passkey of this server; the browser lets the person choose. */
export async function askPasskey({ challenge, rp_id }: PasskeyChallenge): Promise<Outcome<PasskeyAnswer>> {
  return ceremony(async () => {
    const publicKey: PublicKeyCredentialRequestOptions = { challenge: bytes(challenge), rpId: rp_id, userVerification: "required", timeout: TIMEOUT };
    const credential = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
    const response = credential.response as AuthenticatorAssertionResponse;
    return {
      credential: text(credential.rawId),
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
      ...(response.userHandle !== null && { user: text(response.userHandle) }),
    };
  });
}

/** A new passkey of this account, kept by the authenticator with its address. */
export async function makePasskey({ challenge, rp_id, user, known }: NewPasskeyChallenge, me: Account): Promise<Outcome<Omit<NewPasskey, "name">>> {
  return ceremony(async () => {
    const publicKey: PublicKeyCredentialCreationOptions = {
      challenge: bytes(challenge),
      rp: { id: rp_id, name: rp_id },
      user: { id: bytes(user), name: me.email, displayName: me.name },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: known.map((id) => ({ type: "public-key", id: bytes(id) })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
      timeout: TIMEOUT,
    };
    const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
    const response = credential.response as AuthenticatorAttestationResponse;
    const key = response.getPublicKey();
    if (key === null) throw new Error("a key of another kind");
    return {
      credential: text(credential.rawId),
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.getAuthenticatorData()),
      key: text(key),
      algorithm: response.getPublicKeyAlgorithm(),
    };
  });
}

/** Whoever closes the browser's own window changed their mind; that is no failure. */
async function ceremony<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "InvalidStateError") return { ok: false, code: "passkey_known" };
    return { ok: false, code: name === "NotAllowedError" || name === "AbortError" ? "passkey_cancelled" : "passkey_refused" };
  }
}

export function text(buffer: ArrayBuffer): string {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
