/** What a shell offers after each word, asked of bash itself; and every help has an example to copy. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { completionCommand } from "./commands/completion.ts";
import { COMMANDS } from "./table.ts";

async function completionFor(shell: string): Promise<string> {
  let text = "";
  const out = (more: string) => {
    text += more;
  };
  await completionCommand.run({ argv: [shell], env: {}, out, err: out, signal: new AbortController().signal });
  return text;
}

describe("completion of bash", () => {
  let script = "";

  beforeAll(async () => {
    script = await completionFor("bash");
  });

  /**
   * @param line words up to the cursor; the last one is completed
   * @param folder has the `aviary` that is asked for names; there is no other on the PATH, so that no cluster is asked
   */
  function offers(line: string, folder = "/"): readonly string[] {
    const words = line.split(" ").map((word) => `'${word}'`);
    const asked = `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _aviary; echo "\${COMPREPLY[*]}"`;
    const said = execFileSync("bash", ["--norc", "-c", `${script}\n${asked}`], {
      env: { PATH: `${folder}:/usr/bin:/bin` },
    });
    return said.toString().trim().split(" ").filter(Boolean);
  }

  it.each([
    ["aviary gitops ", ["up", "bump", "status"]],
    ["aviary alert ", ["test"]],
    ["aviary sandbox ", ["up", "down", "status", "serve", "image"]],
    ["aviary sandbox image ", ["add", "list", "remove"]],
    ["aviary gitops b", ["bump"]],
    ["aviary gitops bump --ch", ["--checkout"]],
    ["aviary alert test --sev", ["--severity"]],
    ["aviary sandbox image add --com", ["--command"]],
    ["aviary undo --t", ["--to", "--timeout"]],
    ["aviary free", ["freeze", "freezes"]],
    ["aviary gitops status ", []],
    ["aviary list -o ", ["table", "name", "json"]],
    ["aviary wait canary/podinfo --phase Pro", ["Progressing", "Promoting"]],
    ["aviary completion ", ["bash", "zsh", "fish"]],
  ])("%s", (line, words) => {
    expect(offers(line)).toEqual(words);
  });

  it.each([
    ["aviary pause -n shop ", "canary/list.-o.name.-n.shop"],
    ["aviary set-weight --context far --namespace shop ", "canary/list.-o.name.--context.far.--namespace.shop"],
    ["aviary run -n shop ", "get.canaryruns.-o.name.-n.shop"],
    ["aviary thaw ", "get.canaryfreezes.-o.name"],
    ["aviary pause canary/podinfo -n ", "get.namespaces.-o.name"],
  ])("%s asks for names where the line says", (line, name) => {
    const folder = mkdtempSync(join(tmpdir(), "completion-"));
    try {
      // Its answer has one name: what it was asked.
      const program = '#!/bin/sh\nIFS=.; echo "canary/$*"\n';
      writeFileSync(join(folder, "aviary"), program, { mode: 0o755 });
      expect(offers(line, folder)).toEqual([name]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(COMMANDS.map(({ name }) => name))("%s is offered word by word", (name) => {
    const words = name.split(" ");
    for (let i = 1; i <= words.length; i += 1) {
      expect(offers(["aviary", ...words.slice(0, i - 1), ""].join(" "))).toContain(words[i - 1]);
    }
  });
});

it("fish is offered each word of a command by itself", async () => {
  const text = await completionFor("fish");
  expect(text).toContain(
    '-n "__fish_seen_subcommand_from gitops; and not __fish_seen_subcommand_from up bump status" -a bump',
  );
  expect(text).toContain(
    '-n "__fish_seen_subcommand_from sandbox; and __fish_seen_subcommand_from image; and not __fish_seen_subcommand_from add list remove" -a add',
  );
  expect(text).not.toMatch(/-a '?\w+ \w+/);
});

describe("help", () => {
  it.each(COMMANDS.map((row) => [row.name, row] as const))(
    "of %s has an example of that command",
    async (name, row) => {
      const { help } = await row.load();
      const [, examples = ""] = help.split(/^Examples?:\n/m);
      expect(examples).toMatch(new RegExp(`^  .*aviary ${name}\\b`, "m"));
    },
  );

  it.each(
    [
      "list",
      "show",
      "why",
      "history",
      "run",
      "diff",
      "replay",
      "query",
      "gates",
      "status",
      "check",
      "plan",
      "lint",
    ].concat(["simulate", "get", "freezes", "sandbox status", "sandbox image list", "gitops status"]),
  )("of %s, which reads, offers JSON", async (name) => {
    const row = COMMANDS.find((one) => one.name === name);
    expect((await row?.load())?.help).toMatch(/^ {2}-o, --output.*json/m);
  });
});
