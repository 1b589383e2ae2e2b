/** Against an identity provider that is a real HTTP server. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { oidcCredentials } from "./oidc-credentials.ts";

const NOT_ABORTED = new AbortController().signal;
let clock: ManualClock;
let server: Server;
let issuer: string;
let asked: { readonly authorization: string | undefined; readonly form: Record<string, string> }[];
let discovery: Record<string, unknown>;
let answer: { status: number; body: unknown };

/** An unsigned token that is valid for this long. */
const token = (ms: number, name = "x") => {
  const claims = { exp: Math.floor((clock.now() + ms) / 1000), name };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
};

const credentials = (config: Record<string, string>) =>
  oidcCredentials({ fields: { "auth-provider": { name: "oidc", config } }, folder: "/" }, "jane", clock);

const settings = () => ({ "idp-issuer-url": issuer, "client-id": "kube", "refresh-token": "first" });

beforeEach(async () => {
  clock = createManualClock();
  asked = [];
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    if (request.url === "/.well-known/openid-configuration") return response.end(JSON.stringify(discovery));
    const form = Object.fromEntries(new URLSearchParams(text));
    asked.push({ authorization: request.headers.authorization, form });
    return response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  discovery = { token_endpoint: `${issuer}/token` };
  answer = { status: 200, body: { id_token: token(3_600_000, "new"), refresh_token: "second" } };
});
afterEach(() => server.close());

describe("oidc credentials", () => {
  it("use the ID token of the kubeconfig while it is valid", async () => {
    const id = token(60_000);
    const proof = await credentials({ ...settings(), "id-token": id }).prove(NOT_ABORTED);
    expect(proof).toEqual({ headers: { authorization: `Bearer ${id}` } });
    expect(asked).toEqual([]);
  });

  it("renew an expired ID token once for all requests, and keep the provider's next refresh token", async () => {
    const jane = credentials({ ...settings(), "id-token": token(5_000) });
    const proofs = await Promise.all([1, 2, 3].map(() => jane.prove(NOT_ABORTED)));
    expect(proofs[2]).toEqual({ headers: { authorization: `Bearer ${token(3_600_000, "new")}` } });
    await clock.advance(3_600_000);
    await jane.prove(NOT_ABORTED);
    expect(asked.map(({ form }) => form)).toEqual([
      { grant_type: "refresh_token", refresh_token: "first", client_id: "kube" },
      { grant_type: "refresh_token", refresh_token: "second", client_id: "kube" },
    ]);
  });

  it("renew an ID token that the API server refuses", async () => {
    const jane = credentials({ ...settings(), "id-token": token(60_000) });
    expect(jane.renew()).toBe(true);
    await jane.prove(NOT_ABORTED);
    await jane.prove(NOT_ABORTED);
    expect(asked).toHaveLength(1);
  });

  it("prove a secret in the header, or in the form when the provider takes nothing else", async () => {
    const secret = { ...settings(), "client-secret": "s:1" };
    await credentials(secret).prove(NOT_ABORTED);
    discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"];
    await credentials(secret).prove(NOT_ABORTED);
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from("kube:s%3A1").toString("base64")}`);
    expect(asked[1]?.authorization).toBe(undefined);
    expect(asked[1]?.form).toMatchObject({ client_id: "kube", client_secret: "s:1" });
  });

  it.each([
    ["no refresh token", { "refresh-token": "" }, "the ID token has expired, and there is no refresh-token"],
    ["a refusal", {}, "answered 400 (invalid_grant: session ended): log in again"],
    ["no client", { "client-id": undefined }, "idp-issuer-url and client-id are needed"],
  ])("say what is wrong: %s", async (_, change, message) => {
    answer = { status: 400, body: { error: "invalid_grant", error_description: "session ended" } };
    const broken = credentials(JSON.parse(JSON.stringify({ ...settings(), ...change })));
    await expect(broken.prove(NOT_ABORTED)).rejects.toMatchObject({
      reason: "Credentials",
      message: expect.stringContaining(message),
    });
    await expect(broken.prove(NOT_ABORTED)).rejects.toThrow("auth-provider oidc of user jane");
  });
});
