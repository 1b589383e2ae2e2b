/** Completion for shells: commands and options from the table, names of Canaries from the cluster. */
import { type Command, UserError } from "../command.ts";
import { KIND_WORDS } from "../kinds.ts";

const SHELLS = ["bash", "zsh", "fish"];

export const completionCommand: Command = {
  help: `Usage: aviary completion bash|zsh|fish

Examples:
  source <(aviary completion bash)
  source <(aviary completion zsh)
  aviary completion fish > ~/.config/fish/completions/aviary.fish`,
  async run({ argv, out }) {
    const [shell = "", ...more] = argv;
    if (!SHELLS.includes(shell) || more.length > 0) throw new UserError(`name one shell: ${SHELLS.join(", ")}`, 2);
    const { COMMANDS } = await import("../table.ts");
    const rows = await Promise.all(
      COMMANDS.map(async ({ name, summary, load }) => {
        const { help } = await load();
        const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = ""]) => option);
        return { name, summary, options };
      }),
    );
    out(shell === "fish" ? fish(rows) : bash(rows, shell));
    return 0;
  },
};

interface Row {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
}

/** Words that begin a command and are none alone ("sandbox", "sandbox image"), with the words that may follow. */
function groupsOf(rows: readonly Row[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, Set<string>>();
  for (const { name } of rows) {
    const words = name.split(" ");
    for (let i = 1; i < words.length; i += 1) {
      const group = words.slice(0, i).join(" ");
      groups.set(group, (groups.get(group) ?? new Set()).add(words[i] ?? ""));
    }
  }
  return new Map([...groups].map(([group, words]) => [group, [...words]]));
}

const firstWords = (rows: readonly Row[]): readonly string[] => [
  ...new Set(rows.map(({ name }) => name.split(" ")[0] ?? "")),
];

function bash(rows: readonly Row[], shell: string): string {
  const cases = rows.map(({ name, options }) => `    "${name}") words="${options.join(" ")}" ;;`);
  // Shorter groups come first, so that the command grows by one word after the other.
  const groups = [...groupsOf(rows)].map(([group, words]) => {
    const place = group.split(" ").length + 1;
    return `  if [ "$command" = "${group}" ]; then
    if [ "$COMP_CWORD" -eq ${place} ]; then COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")); return; fi
    command="${group} \${COMP_WORDS[${place}]}"
  fi`;
  });
  const prelude = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${prelude}_aviary() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(rows).join(" ")}" -- "$current"))
    return
  fi
${groups.join("\n")}
  case "$command" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) ;;
    *) case "$command" in
      apply|delete|plan|lint|simulate) COMPREPLY=($(compgen -f -- "$current")); return ;;
      get|describe) words="${KIND_WORDS.join(" ")}" ;;
      "gitops "*|"sandbox "*) words="" ;;
      *) words="$(timeout 1 aviary list -o name 2>/dev/null)" ;;
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _aviary aviary
`;
}

const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fish(rows: readonly Row[]): string {
  const groups = groupsOf(rows);
  const first = firstWords(rows).map((word) => {
    const { summary = "" } = rows.find(({ name }) => name === word) ?? {};
    return `complete -c aviary -f -n __fish_use_subcommand -a ${word}${summary === "" ? "" : ` -d ${quote(summary)}`}`;
  });
  const later = [...groups].flatMap(([group, words]) => {
    const seen = group.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    const condition = [...seen, `not __fish_seen_subcommand_from ${words.join(" ")}`].join("; and ");
    return words.map((word) => {
      const { summary = "" } = rows.find(({ name }) => name === `${group} ${word}`) ?? {};
      return `complete -c aviary -f -n "${condition}" -a ${word}${summary === "" ? "" : ` -d ${quote(summary)}`}`;
    });
  });
  const options = rows.flatMap(({ name, options: own }) => {
    const condition = name.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`);
    return own.map((option) => `complete -c aviary -n "${condition.join("; and ")}" -l ${option.slice(2)}`);
  });
  return `${[...first, ...later, ...new Set(options)].join("\n")}\n`;
}
