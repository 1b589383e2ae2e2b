import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManualClock, type ManualClock } from "../testing/manual-clock.ts";
import { type AccessOptions, loadAccess } from "./config.ts";

const NOT_ABORTED = new AbortController().signal;
let folder: string;
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  clock = createManualClock();
});
afterEach(() => rm(folder, { recursive: true }));

const load = (options: Partial<AccessOptions> = {}) => loadAccess({ clock, env: {}, home: folder, ...options });

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** A kubeconfig with one entry of each kind, all called `name`. */
const config = (name: string, user = "{ token: t }", cluster = "") => `
apiVersion: v1
kind: Config
current-context: ${name}
clusters: [{ name: ${name}, cluster: { server: "https://${name}.example:6443/"${cluster} } }]
users: [{ name: ${name}, user: ${user} }]
contexts: [{ name: ${name}, context: { cluster: ${name}, user: ${name}, namespace: team-${name} } }]
`;

const headersOf = async (user: string, cluster = "") => {
  const access = await load({ kubeconfig: await write("config", config("dev", user, cluster)) });
  return (await access.credentials.prove(NOT_ABORTED)).headers;
};

describe("the cluster", () => {
  it("is the flag's, else $KUBECONFIG's, else the pod's, else that of ~/.kube/config", async () => {
    const flag = await write("flag", config("flag"));
    const listed = await write("listed", config("listed"));
    await write(".kube/config", config("home"));
    const pod = join(folder, "pod");
    for (const [name, text] of Object.entries({ "ca.crt": "CA", token: "pod-token\n", namespace: "aviary" })) {
      await write(`pod/${name}`, text);
    }
    const inPod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    const everything = { kubeconfig: flag, env: { KUBECONFIG: listed, ...inPod }, serviceAccountDir: pod };
    expect(await load(everything)).toMatchObject({ server: "https://flag.example:6443", namespace: "team-flag" });
    expect(await load({ ...everything, kubeconfig: "" })).toMatchObject({ server: "https://listed.example:6443" });
    const found = await load({ env: inPod, serviceAccountDir: pod });
    expect(found).toMatchObject({ server: "https://[fd00::1]:443", namespace: "aviary", tls: { ca: "CA" } });
    expect(await found.credentials.prove(NOT_ABORTED)).toEqual({ headers: { authorization: "Bearer pod-token" } });
    expect(await load()).toMatchObject({ server: "https://home.example:6443" });
    expect(await load({ master: "10.1.2.3:8080" })).toMatchObject({ server: "http://10.1.2.3:8080" });
  });

  it("comes from several merged files, of which the first one that sets a field wins", async () => {
    const a = await write("a/config", config("a").replace("current-context: a", ""));
    const b = await write("b/config", config("b", "{ tokenFile: token }"));
    await write("b/token", "from-b");
    const env = { KUBECONFIG: [a, join(folder, "missing"), b].join(delimiter) };
    const access = await load({ env });
    expect(access.source).toBe(`context b of ${a}, ${b}`);
    expect(await access.credentials.prove(NOT_ABORTED)).toEqual({ headers: { authorization: "Bearer from-b" } });
    expect((await load({ env, context: "a" })).server).toBe("https://a.example:6443");
  });

  it("is --master's address, with the kubeconfig's credentials", async () => {
    const kubeconfig = await write("config", config("dev"));
    const access = await load({ kubeconfig, master: "https://10.1.2.3:6443/" });
    expect(access.server).toBe("https://10.1.2.3:6443");
    expect(await access.credentials.prove(NOT_ABORTED)).toEqual({ headers: { authorization: "Bearer t" } });
    expect((await load({ master: "http://127.0.0.1:8001" })).source).toContain("no kubeconfig");
  });

  it.each([
    ["nothing is configured", {}, "no Kubernetes cluster is configured ($KUBECONFIG is not set; not inside a pod"],
    ["the flag's file is missing", { kubeconfig: "/no/such" }, "/no/such given with --kubeconfig does not exist"],
    ["the listed file is missing", { env: { KUBECONFIG: "/no/such" } }, "$KUBECONFIG names /no/such, which does not"],
    ["the master is no URL", { master: "::", kubeconfig: "" }, `the API server's address "::" (--master) is not a URL`],
    ["the pod has no token", { env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" }, serviceAccountDir: "/no" }, "automount"],
  ])("is missing with a clear message when %s", async (_, options, message) => {
    await expect(load(options)).rejects.toMatchObject({ reason: "Config", message: expect.stringContaining(message) });
  });

  it.each([
    ["not YAML", "a: [", "is not valid YAML"],
    ["empty", "", "is empty or not a kubeconfig"],
    ["without a context", config("a").replace("current-context: a", ""), "has no current-context: run"],
    ["pointing nowhere", config("a").replace("current-context: a", "current-context: b"), '"b" in '],
    [
      "without its cluster",
      config("a").replace("cluster: a", "cluster: z"),
      'names the cluster "z", which is not there',
    ],
    ["with a missing file", config("a", "{ client-certificate: x.pem }"), "the kubeconfig names it as client-certif"],
    ["with an unknown provider", config("a", "{ auth-provider: { name: magic } }"), "only exec plugins and oidc work"],
    [
      "with gcp",
      config("a", "{ auth-provider: { name: gcp } }"),
      "1.26, and it does not work here either: use gke-gcloud-auth-plugin",
    ],
    [
      "with azure",
      config("a", "{ auth-provider: { name: azure } }"),
      "1.26, and it does not work here either: use kubelogin",
    ],
  ])("is refused with a clear message when the kubeconfig is %s", async (_, text, message) => {
    const kubeconfig = await write("config", text);
    await expect(load({ kubeconfig })).rejects.toMatchObject({ message: expect.stringContaining(message) });
  });
});

describe("credentials", () => {
  it("are tokens, passwords, certificates, and impersonation", async () => {
    expect(await headersOf("{ username: u, password: p }")).toEqual({ authorization: "Basic dTpw" });
    expect(await headersOf("{}")).toEqual({});
    expect(await headersOf("{ token: t, as: bob, as-groups: [a, b], as-user-extra: { Reason: [x] } }")).toEqual({
      authorization: "Bearer t",
      "impersonate-user": "bob",
      "impersonate-group": ["a", "b"],
      "impersonate-extra-reason": ["x"],
    });
    await write("key.pem", "KEY");
    const user = `{ client-certificate-data: ${Buffer.from("CERT").toString("base64")}, client-key: key.pem }`;
    const tail = ", insecure-skip-tls-verify: true, tls-server-name: kube, proxy-url: 'http://p:1'";
    const access = await load({ kubeconfig: await write("config", config("dev", user, tail)) });
    expect(access.tls).toEqual({ cert: "CERT", key: "KEY", servername: "kube", rejectUnauthorized: false });
    expect(access.proxy).toBe("http://p:1");
  });

  it("from a file are read again after a minute, and when they are refused", async () => {
    const file = await write("token", "one");
    const access = await load({ kubeconfig: await write("config", config("dev", "{ tokenFile: token }")) });
    const now = async () => (await access.credentials.prove(NOT_ABORTED)).headers.authorization;
    expect(await now()).toBe("Bearer one");
    await writeFile(file, "two\n");
    await clock.advance(59_000);
    expect(await now()).toBe("Bearer one");
    await clock.advance(1000);
    expect(await now()).toBe("Bearer two");
    await writeFile(file, "three");
    expect(access.credentials.renew()).toBe(true);
    expect(await now()).toBe("Bearer three");
  });

  describe("of an exec plugin", () => {
    async function plugin(script: string, more = "") {
      const file = await write("bin/login", `#!/bin/sh\necho run >> "$LOG"\n${script}\n`);
      await chmod(file, 0o755);
      const log = join(folder, "log");
      const exec = `{ apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [get-token],
        provideClusterInfo: true, env: [{ name: LOG, value: ${log} }]${more} }`;
      const access = await load({ kubeconfig: await write("config", config("dev", `{ exec: ${exec} }`)) });
      return { access, runs: async () => (await readFile(log, "utf8")).trim().split("\n").length };
    }
    const printing = (status: object) => `echo '${JSON.stringify({ kind: "ExecCredential", status })}'`;

    it("are requested once for all callers, and again when they expire or are refused", async () => {
      const expirationTimestamp = new Date(clock.now() + 300_000).toISOString();
      const { access, runs } = await plugin(printing({ token: "secret", expirationTimestamp }));
      const proofs = await Promise.all([1, 2, 3].map(() => access.credentials.prove(NOT_ABORTED)));
      expect(proofs[2]).toEqual({ headers: { authorization: "Bearer secret" } });
      expect(await runs()).toBe(1);
      await clock.advance(289_000);
      await access.credentials.prove(NOT_ABORTED);
      expect(await runs()).toBe(1);
      await clock.advance(2000);
      await access.credentials.prove(NOT_ABORTED);
      expect(await runs()).toBe(2);
      expect(access.credentials.renew()).toBe(true);
      await access.credentials.prove(NOT_ABORTED);
      expect(await runs()).toBe(3);
    });

    it("may be a certificate, and the plugin gets the cluster's data", async () => {
      const script = `echo "$KUBERNETES_EXEC_INFO $1" > "$LOG.info"
${printing({ clientCertificateData: "CERT", clientKeyData: "KEY" })}`;
      const { access } = await plugin(script);
      expect(await access.credentials.prove(NOT_ABORTED)).toEqual({ headers: {}, tls: { cert: "CERT", key: "KEY" } });
      const info = await readFile(join(folder, "log.info"), "utf8");
      expect(info).toContain(`"server":"https://dev.example:6443/"`);
      expect(info).toContain("get-token");
    });

    it.each([
      ["fails", "echo 'please log in first' >&2; exit 3", "failed with exit code 3: please log in first"],
      ["prints nonsense", "echo hello", "did not print an ExecCredential"],
    ])("fail with an explanation when it %s, and are requested again next time", async (_, script, message) => {
      const { access, runs } = await plugin(script, ", installHint: See example.org");
      for (let i = 0; i < 2; i += 1) {
        await expect(access.credentials.prove(NOT_ABORTED)).rejects.toMatchObject({
          reason: "Credentials",
          message: expect.stringMatching(new RegExp(`${message}.*See example.org`, "s")),
        });
      }
      expect(await runs()).toBe(2);
    });

    it("fail with an explanation when it is not installed", async () => {
      const exec = "{ exec: { command: no-such-program-anywhere } }";
      const access = await load({ kubeconfig: await write("config", config("dev", exec)) });
      await expect(access.credentials.prove(NOT_ABORTED)).rejects.toThrow(
        'the credential plugin "no-such-program-anywhere" cannot be run: spawn no-such-program-anywhere ENOENT',
      );
    });
  });

  it("are the ID token of an oidc user", async () => {
    const claims = Buffer.from(JSON.stringify({ exp: Math.floor(clock.now() / 1000) + 3600 })).toString("base64url");
    const token = `e30.${claims}.x`;
    expect(await headersOf(`{ auth-provider: { name: oidc, config: { id-token: ${token} } } }`)).toEqual({
      authorization: `Bearer ${token}`,
    });
  });
});
