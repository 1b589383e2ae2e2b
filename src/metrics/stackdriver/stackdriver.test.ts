/**
 * A tenant's Secret can make the operator sign with a key through the Google provider, and nothing else. A trap server
 * listens at the addresses in the keys; a file holds data that must not leave.
 */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../time/system-clock.ts";
import { stackdriverAt } from "./stackdriver.ts";

const NOT_ABORTED = new AbortController().signal;
const TOKEN_OF_THE_POD = "TOKEN-OF-THE-POD";
const pem = (type: "rsa" | "ec", options: object) =>
  String(
    generateKeyPairSync(type as "rsa", options as { modulusLength: number }).privateKey.export({
      type: "pkcs8",
      format: "pem",
    }),
  );
const RSA = pem("rsa", { modulusLength: 2048 });
const EC = pem("ec", { namedCurve: "P-256" });

interface Server {
  readonly address: string;
  readonly calls: { readonly method: string; readonly url: string; readonly head: string; readonly body: string }[];
  close(): Promise<unknown>;
}

async function serve(answer: (request: IncomingMessage) => string): Promise<Server> {
  const calls: Server["calls"] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = "", url = "", rawHeaders } = request;
    calls.push({ method, url, head: rawHeaders.join(" "), body: Buffer.concat(chunks).toString() });
    response.writeHead(200, { "content-type": "application/json" }).end(answer(request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

let google: Server;
let trap: Server;
let folder: string;
let tokenFile: string;
let marker: string;

beforeEach(async () => {
  google = await serve(() => '{"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":1}]}]}]}');
  trap = await serve(({ url = "" }) =>
    url.includes("generateAccessToken") ? '{"accessToken":"ACTING"}' : '{"access_token":"AMBIENT"}',
  );
  folder = mkdtempSync(join(tmpdir(), "aviary-stackdriver-"));
  tokenFile = join(folder, "token");
  marker = join(folder, "a-program-ran");
  writeFileSync(tokenFile, TOKEN_OF_THE_POD);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await google.close();
  await trap.close();
  rmSync(folder, { recursive: true });
});

/** The error's text, or the value. */
async function outcome(serviceAccountKey: string | undefined): Promise<string | number> {
  const secret: [string, string][] = serviceAccountKey === undefined ? [] : [["serviceAccountKey", serviceAccountKey]];
  const credentials = new Map([["project", "p"], ...secret] as const);
  try {
    const options = { type: "stackdriver", address: "", interval: "1m", clock: systemClock, credentials };
    const measured = await stackdriverAt(google.address)(options).measure("q", NOT_ABORTED);
    return measured.kind === "value" ? measured.value : measured.detail;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The trap got no request, the file's contents went nowhere, and no program ran. */
function expectNothingLeft() {
  expect(trap.calls).toEqual([]);
  expect(JSON.stringify(google.calls)).not.toContain(TOKEN_OF_THE_POD);
  expect(existsSync(marker)).toBe(false);
}

const external = (source: object) => ({
  type: "external_account",
  audience: "//iam.googleapis.com/x",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  token_url: `${trap.address}/steal`,
  credential_source: source,
});
const metadata = () => ({ url: `${trap.address}/latest/meta-data/`, headers: { "Metadata-Flavor": "Google" } });

describe("a key from a Secret", () => {
  it.each<[type: string, key: () => object]>([
    ["external_account with a file", () => external({ file: tokenFile })],
    ["external_account with an address", () => external(metadata())],
    ["external_account with a program", () => external({ executable: { command: `/usr/bin/touch ${marker}` } })],
    [
      "external_account with a certificate",
      () => external({ certificate: { certificate_config_location: tokenFile } }),
    ],
    ["external_account of AWS", () => external({ environment_id: "aws1", region_url: `${trap.address}/region` })],
    [
      "external_account_authorized_user",
      () => ({ type: "external_account_authorized_user", token_url: `${trap.address}/t`, refresh_token: "r" }),
    ],
    [
      "impersonated_service_account",
      () => ({
        type: "impersonated_service_account",
        service_account_impersonation_url: `${trap.address}/v1/x:generateAccessToken`,
        source_credentials: external({ file: tokenFile }),
      }),
    ],
    [
      "gdch_service_account",
      () => ({ type: "gdch_service_account", token_uri: `${trap.address}/t`, ca_cert_path: tokenFile }),
    ],
    ["authorized_user", () => ({ type: "authorized_user", refresh_token: "r", token_uri: `${trap.address}/t` })],
    ["no type", () => ({ client_email: "a@b", private_key: RSA, token_uri: `${trap.address}/t` })],
  ])("of %s is refused by its type: no file is opened, no request is sent", async (_, key) => {
    vi.stubEnv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    expect(await outcome(JSON.stringify(key()))).toMatch(/^the serviceAccountKey .* must be of type service_account: /);
    expectNothingLeft();
    expect(google.calls).toEqual([]);
  });

  it.each<[fault: string, change: object, message: string]>([
    ["no client_email", { client_email: 1 }, "has no client_email"],
    ["no private_key", { private_key: undefined }, "has no private_key"],
    ["a text for a private_key", { private_key: "SECRET" }, "is no RSA key in PEM"],
    ["a key of another kind", { private_key: EC }, "is no RSA key in PEM"],
    ["a key beyond all sizes", { private_key: `${RSA}${" ".repeat(20_000)}` }, "is no RSA key in PEM"],
  ])("with %s is refused without a quotation", async (_, change, message) => {
    const text = await outcome(
      JSON.stringify({ type: "service_account", client_email: "a@b", private_key: RSA, ...change }),
    );
    expect(text).toContain(message);
    expect(text).not.toMatch(/SECRET|BEGIN/);
  });

  it("of a service account may contain any URL: only Google's API gets requests, with the key's signature", async () => {
    const named = { token_uri: `${trap.address}/t`, auth_uri: `${trap.address}/a`, universe_domain: "evil.example" };
    const own = { type: "service_account", client_email: "a@b", private_key: RSA };
    expect(await outcome(JSON.stringify({ ...external({ file: tokenFile }), ...named, ...own }))).toBe(1);
    expectNothingLeft();
    expect(google.calls.map(({ url }) => url)).toEqual(["/v3/projects/p/timeSeries:query"]);
  });

  it("with arbitrary JSON makes no connection and opens no file", async () => {
    const value = fc.oneof(
      fc.json().map((text): unknown => JSON.parse(text)),
      fc.constantFrom("service_account", "external_account", "authorized_user", RSA),
      fc.constantFrom(...["/steal", "/token", ""]).map((path) => `${trap.address}${path}`),
      fc.record({ file: fc.constant(tokenFile), url: fc.constant(trap.address) }, { requiredKeys: [] }),
    );
    const names = "type token_url token_uri client_email private_key credential_source universe_domain refresh_token";
    const key = fc.oneof(
      fc.json(),
      fc.dictionary(fc.constantFrom(...names.split(" ")), value).map((o) => JSON.stringify(o)),
    );
    await fc.assert(
      fc.asyncProperty(key, async (text) => void (await outcome(text))),
      { numRuns: 300, seed: 1 },
    );
    expectNothingLeft();
  });
});

describe("the identity of the process, when a template names no key", () => {
  const asProcess = () => outcome(undefined);
  const bearer = () => google.calls.at(-1)?.head.match(/Bearer (\S+)/)?.[1];

  it("comes from the machine's metadata server", async () => {
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
    vi.stubEnv("GCE_METADATA_HOST", new URL(trap.address).host);
    expect(await asProcess()).toBe(1);
    expect(bearer()).toBe("AMBIENT");
    expect(trap.calls).toMatchObject([{ method: "GET", head: expect.stringContaining("Metadata-Flavor Google") }]);
  });

  it("is a federated identity whose token is in a file that the environment names", async () => {
    const file = join(folder, "credentials.json");
    const acting = `${trap.address}/v1/x:generateAccessToken`;
    writeFileSync(
      file,
      JSON.stringify({ ...external({ file: tokenFile }), service_account_impersonation_url: acting }),
    );
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", file);
    expect(await asProcess()).toBe(1);
    expect(bearer()).toBe("ACTING");
    expect(trap.calls.map(({ url }) => url)).toEqual(["/steal", "/v1/x:generateAccessToken"]);
    expect(trap.calls[0]?.body).toContain(TOKEN_OF_THE_POD);
    expect(trap.calls[1]?.head).toContain("Bearer AMBIENT");
  });

  it("is the service account whose key the environment names", async () => {
    const file = join(folder, "credentials.json");
    writeFileSync(file, JSON.stringify({ type: "service_account", client_email: "a@b", private_key: RSA }));
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", file);
    expect(await asProcess()).toBe(1);
    expect(bearer()?.split(".")).toHaveLength(3);
    expect(trap.calls).toEqual([]);
  });

  it("reports what is missing", async () => {
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", join(folder, "nowhere"));
    expect(await asProcess()).toMatch(
      /^error requesting stackdriver: cannot read GOOGLE_APPLICATION_CREDENTIALS: ENOENT/,
    );
  });
});
