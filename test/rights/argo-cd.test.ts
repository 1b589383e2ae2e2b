/**
 * The scripts of examples/argo-cd, run by a Lua interpreter: the health of a Canary in each phase, the actions that are
 * offered, and what an action creates. The sandbox's API server admits that object from Argo CD's ServiceAccount, with
 * the role of the example and no more. Without Lua on PATH ($LUA names another one) a line says so.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { claimAddressBlock } from "../../sandbox/addresses.ts";
import { type TestClient, testClient } from "../../sandbox/api-server/http/test-client.ts";
import { type ApiServer, startApiServer } from "../../sandbox/api-server/index.ts";
import { INTENTS } from "../../src/core/intents/table.ts";
import type { Verb } from "../../src/core/people/steering.ts";
import { PHASES } from "../../src/core/phases/table.ts";
import type { KubeFields, KubeObject } from "../../src/ports/kubernetes.ts";
import { PROJECT_ROOT } from "../../src/project-root.ts";

/** Argo CD runs Lua 5.1. */
const INTERPRETERS = [process.env["LUA"], "lua5.1", "luajit", "lua", "lua5.4"].filter((name) => name !== undefined);
const lua = INTERPRETERS.find((name) => spawnSync(name, ["-v"]).status === 0);

const documents = (path: string): KubeObject[] =>
  parseAllDocuments(readFileSync(join(PROJECT_ROOT, path), "utf8")).map((document) => document.toJS());
const [patch] = documents("examples/argo-cd/argocd-cm.yaml") as unknown as { data: Record<string, string> }[];
const health = patch?.data["resource.customizations.health.flagger.app_Canary"] ?? "";
const actions: { "discovery.lua": string; definitions: { name: Verb; "action.lua": string }[] } = parse(
  patch?.data["resource.customizations.actions.flagger.app_Canary"] ?? "",
);

/** A JSON value as a Lua expression. */
function inLua(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `{ ${value.map(inLua).join(", ")} }`;
  return `{ ${Object.entries(value)
    .map(([key, each]) => `[${JSON.stringify(key)}] = ${inLua(each)}`)
    .join(", ")} }`;
}

/** Prints a table as JSON. */
const PRINT = `
local string = string
local function json(value)
  if type(value) == "string" then return string.format("%q", value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if #value > 0 then
    for _, each in ipairs(value) do parts[#parts + 1] = json(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, each in pairs(value) do parts[#parts + 1] = string.format("%q", key) .. ":" .. json(each) end
  return "{" .. table.concat(parts, ",") .. "}"
end
`;

/**
 * Argo CD runs health scripts and actions without Lua's libraries, but for tables and, by \`require\`, two functions of
 * os. The methods of texts are among what is missing.
 */
const BOUNDS = `
local clock = { date = os.date, time = os.time }
for _, name in ipairs({ "string", "os", "io", "math", "debug", "coroutine" }) do _G[name] = nil end
function require(name) return name == "os" and clock or error("there is no module " .. name) end
getmetatable("").__index = nil
`;

/** What the script returns for this Canary. */
function run(script: string, canary: unknown): KubeFields {
  const input = `${PRINT}\n${BOUNDS}\nlocal obj = ${inLua(canary)}\nprint(json((function()\n${script}\nend)()))\n`;
  const { stdout, stderr, status } = spawnSync(lua ?? "", ["-"], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const canaryIn = (phase: string, further: KubeFields = {}) => ({
  metadata: { name: "podinfo", namespace: "test" },
  status: { phase, canaryWeight: 20, lastAppliedSpec: "85d557d47b", ...further },
});

/** Without Lua there is nothing to hold. */
const withLua = (title: string, tests: () => void) => (lua === undefined ? undefined : describe(title, tests));

it("says when no Lua interpreter was found", () => {
  if (lua === undefined) process.stderr.write("Argo CD's scripts: not run without Lua\n");
  expect(actions.definitions.map(({ name }) => name)).toEqual(["pause", "resume", "approve", "abort", "retry"]);
});

withLua("the health of a Canary in Argo CD", () => {
  const RESTING: Readonly<Record<string, string>> = {
    ...{ Initialized: "Healthy", Succeeded: "Healthy", Failed: "Degraded" },
    ...{ Waiting: "Suspended", WaitingPromotion: "Suspended" },
  };

  it.each(PHASES)("in the phase %j is one that Argo CD knows", (phase) => {
    const conditions = [{ message: 'New revision "1" detected.' }];
    const { status, message } = run(health, canaryIn(phase, { conditions }));
    expect(status).toBe(RESTING[phase] ?? "Progressing");
    expect(message).toBe(
      phase === "" ? "The operator has not seen this Canary yet." : `${phase}, weight 20. New revision "1" detected.`,
    );
  });

  it("of a Canary that is paused names the person", () => {
    const paused = { by: "ada", at: "2026-01-01T00:00:00Z" };
    const conditions = [{ type: "Promoted", status: "Unknown", message: "New revision detected." }];
    const said = run(health, canaryIn("Progressing", { aviary: { paused }, conditions }));
    expect(said).toEqual({ status: "Suspended", message: "Progressing, weight 20. Paused by ada" });
  });

  it.each([
    ["without a status", { metadata: { name: "podinfo" } }],
    ["with an empty status", { metadata: { name: "podinfo" }, status: {} }],
  ])("of a Canary %s is Progressing", (_, canary) => {
    expect(run(health, canary).status).toBe("Progressing");
  });
});

withLua("the actions of a Canary in Argo CD", () => {
  const offered = (canary: unknown): readonly string[] =>
    Object.entries<{ disabled: boolean }>(run(actions["discovery.lua"], canary))
      .filter(([, { disabled }]) => !disabled)
      .map(([name]) => name)
      .sort();

  it.each(PHASES)("in the phase %j are no others than the operator carries out", (phase) => {
    const known = actions.definitions.map(({ name }) => name).filter((verb) => INTENTS[verb].phases.includes(phase));
    const found = offered(canaryIn(phase));
    expect(known).toEqual(expect.arrayContaining([...found]));
    // A gate may stand on any step, but approval is offered where a gate is waited for.
    const expected = known.filter((verb) => verb !== "resume" && !(verb === "approve" && phase === "Progressing"));
    expect(found).toEqual(expected.sort());
  });

  it("of a paused run are resume instead of pause", () => {
    const aviary = { paused: { by: "ada", at: "2026-01-01T00:00:00Z" } };
    expect(offered(canaryIn("Progressing", { aviary }))).toEqual(["abort", "resume"]);
  });

  it("of a Canary without a status are none", () => {
    expect(offered({ metadata: { name: "podinfo" } })).toEqual([]);
  });

  describe("create a CanaryAction", () => {
    const USER = "system:serviceaccount:argocd:argocd-server";
    const RBAC = "/apis/rbac.authorization.k8s.io/v1";
    let server: ApiServer;
    let client: TestClient;
    let release: () => Promise<void>;

    beforeAll(async () => {
      const addresses = await claimAddressBlock();
      server = await startApiServer({ addresses });
      client = testClient(server);
      release = async () => {
        await server.stop();
        await addresses.release();
      };
      const post = async (path: string, object: unknown) => {
        const { code, text } = await client.send("POST", path, object);
        expect(code, text).toBe(201);
      };
      await post("/api/v1/namespaces", { metadata: { name: "test" } });
      for (const crd of documents("deploy/crds/canaryactions.aviary.flagger.app.yaml"))
        await post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
      for (const policy of documents("deploy/steering/policy.yaml"))
        await post(`/apis/${policy.apiVersion}/${policy.kind.toLowerCase()}s`.replace(/policys$/, "policies"), policy);
      const [role, binding] = documents("examples/argo-cd/rbac.yaml");
      await post(`${RBAC}/clusterroles`, role);
      await post(`${RBAC}/clusterrolebindings`, binding);
    });
    afterAll(() => release());

    const path = "/apis/aviary.flagger.app/v1alpha1/namespaces/test/canaryactions";
    const send = (object: unknown, user: string) => client.send("POST", path, object, { "impersonate-user": user });

    it.each(actions.definitions)("that $name asks for, and the API server admits it", async (action) => {
      const [{ operation, resource }] = run(action["action.lua"], canaryIn("Progressing"));
      expect(operation).toBe("create");
      expect(resource).toMatchObject({
        metadata: { namespace: "test", labels: { "aviary.flagger.app/canary": "podinfo" } },
        spec: { canary: "podinfo", verb: action.name, by: USER, expect: { revision: "85d557d47b" } },
      });
      const { code, text } = await send(resource, USER);
      expect(code, text).toBe(201);
    });

    it("that a Canary with a long name is asked for without the label, which is too short for the name", () => {
      const [definition] = actions.definitions;
      const name = "long.".repeat(13);
      const [{ resource }] = run(definition?.["action.lua"] ?? "", { metadata: { name }, status: {} });
      expect([resource.metadata.labels, resource.spec.canary]).toEqual([{}, name]);
    });

    it("which the role of the example does not grant for another verb, nor to another user", async () => {
      const [definition] = actions.definitions;
      const [{ resource }] = run(definition?.["action.lua"] ?? "", canaryIn("Progressing"));
      const undo = { ...resource, metadata: { name: "undo" }, spec: { ...resource.spec, verb: "undo" } };
      expect((await send(undo, USER)).text).toContain("cannot undo canaries.flagger.app");
      expect((await send(resource, "system:serviceaccount:argocd:other")).code).toBe(403);
    });
  });
});
