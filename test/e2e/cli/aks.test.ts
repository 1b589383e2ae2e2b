/** `make infrastructure|clean TARGET=aks` with stand-ins for az, terraform and git: the checks and their order. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PROJECT_ROOT } from "../../../src/project-root.ts";

const run = promisify(execFile);
const SYSTEM = ["bash", "sh", "cat", "dirname", "mktemp", "rm", "mkdir", "chmod", "grep", "head", "env", "touch"];

let base: string;
let folder: string;
let tools: string;
const calls = () => (existsSync(join(base, "calls")) ? readFileSync(join(base, "calls"), "utf8") : "");

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "aviary aks-"));
  folder = join(base, "my aviary");
  tools = join(base, "tools");
  for (const path of [join(folder, "scripts"), join(folder, "infrastructure/aks"), tools])
    mkdirSync(path, { recursive: true });
  cpSync(join(PROJECT_ROOT, "scripts/aks.sh"), join(folder, "scripts/aks.sh"));
  for (const name of SYSTEM) {
    const { stdout } = await run("/bin/sh", ["-c", `command -v ${name}`]);
    symlinkSync(stdout.trim(), join(tools, name));
  }
  program(
    "az",
    'case "$*" in *list-usage*) echo "2 20";; *"--query id"*) echo 11111111-1111-1111-1111-111111111111;; *get-credentials*) touch .aviary/aks.kubeconfig;; esac',
  );
  program(
    "terraform",
    'case "$*" in *"state list"*) echo azurerm_resource_group.this;; *resource_group*) echo rg-aviary;; *cluster*) echo aviary;; esac',
  );
  program(
    "git",
    'case "$*" in remote) echo origin;; "remote get-url"*) echo git@example.com:me/aviary.git;; *show-current*) echo main;; esac',
  );
});
afterEach(() => rmSync(base, { recursive: true }));

function program(name: string, body: string): void {
  const text = `#!/bin/sh\nprintf '%s\\n' "${name} $* [git_url=$TF_VAR_git_url branch=$TF_VAR_git_branch]" >>"${base}/calls"\n${body}\n`;
  rmSync(join(tools, name), { force: true });
  writeFileSync(join(tools, name), text, { mode: 0o755 });
}

async function aks(word: string, env: Readonly<Record<string, string>> = {}) {
  return run(join(tools, "bash"), [join(folder, "scripts/aks.sh"), word], {
    env: { PATH: tools, HOME: base, ...env },
  }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

describe("make infrastructure TARGET=aks", () => {
  it("plans, applies that plan, and writes the kubeconfig to a separate file", async () => {
    const { code, out } = await aks("infrastructure", { YES: "1" });
    expect(code).toBe(0);
    expect(out).toContain("export KUBECONFIG=.aviary/aks.kubeconfig");
    const order = ["init", "plan", "apply"].map((word) => calls().indexOf(` ${word} -input=false`));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(calls()).toContain("--file .aviary/aks.kubeconfig");
    // Flux does not accept the form git@host:path.
    expect(calls()).toContain("git_url=https://example.com/me/aviary.git branch=main");
  });

  it("asks before it creates: without a terminal and without YES=1 nothing is created", async () => {
    const { code, err } = await aks("infrastructure");
    expect([code, err]).toEqual([1, expect.stringContaining("Call it again with YES=1")]);
    expect(calls()).not.toContain(" apply ");
  });

  it.each([
    ["az is not installed", () => rmSync(join(tools, "az")), "missing: az"],
    ["terraform is not installed", () => rmSync(join(tools, "terraform")), "missing: terraform"],
    ["there is no login, or the login has expired", () => program("az", "exit 1"), "missing: a login: run `az login`"],
    ["git is not installed", () => rmSync(join(tools, "git")), "missing: git"],
    ["the folder is no repository", () => program("git", "exit 128"), "is no Git repository"],
    ["the repository has no remote", () => program("git", "exit 0"), "has no remote"],
    [
      "the working tree is dirty",
      () => program("git", 'case "$*" in remote) echo origin;; "status --porcelain"*) echo " M Makefile";; esac'),
      "changes that are not committed",
    ],
    [
      "no branch is checked out",
      () => program("git", 'case "$*" in remote) echo origin;; "remote get-url"*) echo https://example.com/a;; esac'),
      "no branch is checked out",
    ],
    ["the quota is used up", () => program("az", 'case "$*" in *list-usage*) echo "19 20";; esac'), "leaves 1 cores"],
    [
      "the region is not known",
      () => program("az", 'case "$*" in *list-usage*) exit 1;; esac'),
      "the region westeurope is not known",
    ],
  ])("reports it and creates nothing when %s", async (_name, prepare, message) => {
    prepare();
    const { code, err } = await aks("infrastructure", { YES: "1" });
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(err).toMatch(/[Nn]othing was created/);
    expect(calls()).not.toContain(" apply ");
  });

  it("leaves a resource group of that name alone when this checkout did not create it", async () => {
    program("az", 'case "$*" in *list-usage*) echo "2 20";; "group exists"*) echo true;; esac');
    program("terraform", "exit 0");
    const { code, err } = await aks("infrastructure", { YES: "1", TF_VAR_name: "shop" });
    const message = "the resource group rg-shop exists already, and is not of this checkout: choose another name";
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(calls()).not.toContain(" apply ");
  });

  it("continues a half-created infrastructure: the resource group in its own state is no clash", async () => {
    const credentials = "*get-credentials*) touch .aviary/aks.kubeconfig;;";
    program("az", `case "$*" in *list-usage*) echo "2 20";; "group exists"*) echo true;; ${credentials} esac`);
    const { code } = await aks("infrastructure", { YES: "1" });
    expect(code).toBe(0);
    expect(calls()).toContain(" apply ");
  });

  it("names a subscription that the login does not have", async () => {
    program("az", 'case "$*" in *--subscription*) exit 1;; *list-usage*) echo "0 20";; esac');
    const { err } = await aks("infrastructure", { TF_VAR_subscription_id: "22222222-2222-2222-2222-222222222222" });
    expect(err).toContain("missing: the subscription 22222222-2222-2222-2222-222222222222");
  });

  it("says how to continue or undo when Azure fails half-way", async () => {
    program("terraform", 'case "$*" in *" apply "*) exit 1;; esac');
    const { code, err } = await aks("infrastructure", { YES: "1" });
    expect([code, err]).toEqual([1, expect.stringContaining("created in part")]);
    expect(err).toContain("make clean TARGET=aks");
  });
});

describe("make clean TARGET=aks", () => {
  it("removes nothing where nothing was created", async () => {
    expect(await aks("clean")).toEqual({
      code: 0,
      out: "there is no infrastructure of this checkout on Azure\n",
      err: "",
    });
    expect(calls()).toBe("");
  });

  it("says that it can be called again when Azure fails half-way", async () => {
    writeFileSync(join(folder, "infrastructure/aks/terraform.tfstate"), "{}");
    program("terraform", 'case "$*" in *"state list"*) echo azurerm_resource_group.this;; *destroy*) exit 1;; esac');
    const { code, err } = await aks("clean", { YES: "1" });
    expect([code, err]).toEqual([1, expect.stringContaining("some of it is left, see above: call it again")]);
  });

  it("destroys the resources in the state, after a confirmation", async () => {
    writeFileSync(join(folder, "infrastructure/aks/terraform.tfstate"), "{}");
    expect((await aks("clean")).err).toContain("Remove the resource group rg-aviary");
    expect(calls()).not.toContain("destroy");
    expect((await aks("clean", { YES: "1" })).code).toBe(0);
    expect(calls()).toContain("destroy -input=false -auto-approve");
  });
});

it("an unknown word is refused with the usage", async () => {
  expect(await aks("explode")).toMatchObject({ code: 2, err: "usage: scripts/aks.sh infrastructure|clean\n" });
});
