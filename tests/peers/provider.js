// A certified OpenID provider whose keys the tests change while it runs.
//
//   node provider.js PORT KEYS.json     KEYS.json: a private JWK Set, the first key signs
//
// POST /replace-keys with another private JWK Set puts those in force at once. Clients: "machine" with
// client credentials. Access tokens follow RFC 9068.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider, { errors } from "oidc-provider";

const [port, keysFile] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const scope = "directory:read campaigns:lists ops:read";

function provide(jwks) {
  const provider = new Provider(issuer, {
    jwks,
    clients: [
      {
        client_id: "machine",
        client_secret: "secret-of-the-machine",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope,
      },
    ],
    // No ID token is ever made; the default would ask for an RSA key.
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    scopes: scope.split(" "),
    cookies: { keys: ["cookies-are-not-used"] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:maillage",
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => {
          if (resource !== "urn:maillage") throw new errors.InvalidTarget();
          return {
            scope,
            audience: "maillage",
            accessTokenTTL: 600,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: jwks.keys[0].alg, kid: jwks.keys[0].kid } },
          };
        },
      },
    },
  });
  return provider.callback();
}

let answer = provide(JSON.parse(readFileSync(keysFile, "utf-8")));

createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/replace-keys") {
    answer(request, response);
    return;
  }
  let text = "";
  for await (const part of request) text += part;
  answer = provide(JSON.parse(text));
  response.writeHead(204).end();
}).listen(Number(port), "127.0.0.1");
