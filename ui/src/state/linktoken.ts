// The secret of an invitation's or a password's link comes behind `#`. Like a host's key it is taken out of the address bar at once.

export function takeLinkToken(): string | undefined {
  const token = tokenIn(location.hash);
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** 26 letters and digits, as the server makes them. */
export function tokenIn(hash: string): string | undefined {
  return /^#token=([0-9a-z]{26})$/.exec(hash)?.[1];
}
