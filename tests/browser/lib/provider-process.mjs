// A provider of OpenID Connect (`oidc-provider`, certified) as a process of its own, with keys of its own at every start. Whoever
// types a name is that person. Over IPC it is told whom it knows, and to sign tokens with other claims than it should.
import Provider from 'oidc-provider';
import { createServer } from 'node:http';
import { SignJWT, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK } from 'jose';

const { port, redirect, after, secret, signOut } = JSON.parse(process.argv[2]);
let people = {};
/** Claims that take the place of the right ones in the next ID tokens. */
let wrong;

const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' };

const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: 'confab', client_secret: secret, redirect_uris: [redirect], ...(signOut && { post_logout_redirect_uris: [after] }) }],
  jwks: { keys: [key] },
  cookies: { keys: ['for tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: signOut } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 600, IdToken: 600 },
});

provider.use(async (ctx, next) => {
  await next();
  if (wrong === undefined || ctx.oidc?.route !== 'token' || !ctx.body?.id_token) return;
  const { header = {}, by, ...claims } = wrong;
  const signer = by === 'stranger' ? (await generateKeyPair('RS256')).privateKey : await importJWK(key, 'RS256');
  const right = decodeJwt(ctx.body.id_token);
  ctx.body.id_token = await new SignJWT({ ...right, ...claims }).setProtectedHeader({ ...decodeProtectedHeader(ctx.body.id_token), ...header }).sign(signer);
});

/** Signing in and consenting, as one form with one field. */
async function interaction(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><html lang="en"><title>Test ID</title><main><h1>Test ID</h1><form method="post"><label>Who are you? <input name="login" autofocus></label><button>Go on</button></form></main></html>`);
    return;
  }
  let body = '';
  for await (const part of request) body += part;
  const login = new URLSearchParams(body).get('login');
  if (login === 'nobody') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'no' }, { mergeWithLastSubmission: false });
    return;
  }
  const grant = new provider.Grant({ accountId: login, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { login: { accountId: login }, consent }, { mergeWithLastSubmission: false });
}

const answer = provider.callback();
createServer((request, response) => {
  const work = request.url.startsWith('/interaction/') ? interaction(request, response) : answer(request, response);
  Promise.resolve(work).catch((error) => { response.statusCode = 500; response.end(String(error)); });
}).listen(port, 'localhost', () => process.send('ready'));

process.on('message', (message) => {
  if ('people' in message) people = message.people;
  if ('wrong' in message) wrong = message.wrong ?? undefined;
  process.send('done');
});
process.on('disconnect', () => process.exit());
