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

const firstWords = (rows: readonly Row[]): readonly string[] => [
  ...new Set(rows.map(({ name }) => name.split(" ")[0] ?? "")),
];

function bash(rows: readonly Row[], shell: string): string {
  const cases = rows.map(({ name, options }) => `    "${name}") words="${options.join(" ")}" ;;`);
  const groups = rows.filter(({ name }) => name.includes(" ")).map(({ name }) => name.split(" "));
  const second = groups.map(([, word = ""]) => word).join(" ");
  const prelude = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${prelude}_aviary() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(rows).join(" ")}" -- "$current"))
    return
  fi
  if [ "$command" = sandbox ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "${second}" -- "$current")); return; fi
    command="sandbox \${COMP_WORDS[2]}"
  fi
  case "$command" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) ;;
    *) case "$command" in
      apply|delete|plan|lint|simulate) COMPREPLY=($(compgen -f -- "$current")); return ;;
      get|describe) words="${KIND_WORDS.join(" ")}" ;;
      *) words="$(timeout 1 aviary list -o name 2>/dev/null)" ;;
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _aviary aviary
`;
}

function fish(rows: readonly Row[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const names = rows.map(
    ({ name, summary }) => `complete -c aviary -f -n __fish_use_subcommand -a ${quote(name)} -d ${quote(summary)}`,
  );
  const options = rows.flatMap(({ name, options: own }) =>
    own.map((option) => {
      const [first = ""] = name.split(" ");
      return `complete -c aviary -n "__fish_seen_subcommand_from ${first}" -l ${option.slice(2)}`;
    }),
  );
  return `${[...names, ...new Set(options)].join("\n")}\n`;
}
