/** Completion for shells: commands and options from the table, names from the cluster. */
import { PHASES } from "../../core/phases/table.ts";
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
        return { name, summary, ...readHelp(help) };
      }),
    );
    out(shell === "fish" ? fish(rows) : bash(rows, shell));
    return 0;
  },
};

interface Option {
  /** Without its dash. */
  readonly short: string | undefined;
  /** Without its dashes. */
  readonly long: string;
  readonly takesValue: boolean;
  readonly text: string;
}

interface Row {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly Option[];
  readonly words: Words;
}

/** What may stand where no option does: a list of words, or a question to the cluster or the disk. */
type Words = readonly string[] | keyof typeof ASKED | "files";

/** Arguments of `aviary`, which print names; `at` is where the person looks: -n, --context, --kubeconfig. */
const ASKED = {
  canaries: "list -o name",
  runs: "get canaryruns -o name",
  freezes: "get canaryfreezes -o name",
  namespaces: "get namespaces -o name",
} as const;

function readHelp(help: string): Pick<Row, "options" | "words"> {
  const found = help.matchAll(/^ {2}(?:-(\w), )?--([a-z-]+)( VALUE)? +(.*)$/gm);
  const options = [...found].map(
    ([, short, long = "", value, text = ""]): Option => ({ short, long, takesValue: value !== undefined, text }),
  );
  return { options, words: wordsOf(/^Usage: aviary (.*)/m.exec(help)?.[1] ?? "") };
}

/** @param usage e.g. "pause canary/NAME [OPTIONS]" */
function wordsOf(usage: string): Words {
  if (/\bcanary\/NAME|\[CANARY/.test(usage)) return "canaries";
  if (/ RUN\b/.test(usage)) return "runs";
  if (usage.startsWith("thaw ")) return "freezes";
  if (usage.startsWith("completion ")) return SHELLS;
  if (/ KIND\b/.test(usage)) return KIND_WORDS;
  return /FILE|FOLDER/.test(usage) ? "files" : [];
}

/** What may follow an option. */
function valuesOf({ long, text }: Option): Words {
  if (long === "namespace") return "namespaces";
  if (long === "phase") return PHASES;
  if (long === "output")
    return text.replace(/\(default.*/, "").match(/\b(?:table|wide|text|name|json|yaml|md)\b/g) ?? [];
  return "files";
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

/** A command of the shell that sets what is offered. */
function offerInBash(words: Words): string {
  if (words === "files") return "_aviary_files";
  return typeof words === "string" ? `_aviary_names ${ASKED[words]}` : `words="${words.join(" ")}"`;
}

/** `-n` and `--namespace`. */
const spelled = ({ short, long }: Option): readonly string[] => [
  ...(short === undefined ? [] : [`-${short}`]),
  `--${long}`,
];

function bash(rows: readonly Row[], shell: string): string {
  const cases = rows.map(({ name, options, words }) => {
    const values = options
      .filter(({ takesValue }) => takesValue)
      .map((option) => `      ${spelled(option).join("|")}) ${offerInBash(valuesOf(option))} ;;\n`);
    const all = options.map(({ long }) => `--${long}`).join(" ");
    return `    "${name}") case "$previous" in
${values.join("")}      *) case "$current" in -*) words="${all}" ;; *) ${offerInBash(words)} ;; esac ;;
    esac ;;`;
  });
  // Shorter groups come first, so that the command grows by one word after the other.
  const groups = [...groupsOf(rows)].map(([group, words]) => {
    const place = group.split(" ").length + 1;
    return `  if [ "$command" = "${group}" ]; then
    if [ "$COMP_CWORD" -eq ${place} ]; then COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")); return; fi
    command="${group} \${COMP_WORDS[${place}]}"
  fi`;
  });
  const prelude = shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  return `${prelude}_aviary_names() {
  local i at=()
  for ((i = 2; i < COMP_CWORD - 1; i++)); do
    case "\${COMP_WORDS[i]}" in -n|--namespace|--context|--kubeconfig) at+=("\${COMP_WORDS[i]}" "\${COMP_WORDS[i + 1]}") ;; esac
  done
  words="$(timeout 2 aviary "$@" "\${at[@]}" 2>/dev/null)"
  if [ "$1" = get ]; then words="$(printf '%s' "$words" | sed 's,.*/,,')"; fi
}
_aviary_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$current"))
}
_aviary() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" command="\${COMP_WORDS[1]}" words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(rows).join(" ")}" -- "$current"))
    return
  fi
${groups.join("\n")}
  case "$command" in
${cases.join("\n")}
  esac
  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -F _aviary aviary
`;
}

const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** Options of `complete` that offer words. */
function offerInFish(words: Words): string {
  if (words === "files") return "-F";
  return typeof words === "string" ? `-f -a "(__aviary_names ${ASKED[words]})"` : `-f -a "${words.join(" ")}"`;
}

const FISH_NAMES = `function __aviary_names
  set -l words (commandline -opc)
  set -l at
  for i in (seq 2 (count $words))
    if contains -- $words[$i] -n --namespace --context --kubeconfig; and test $i -lt (count $words)
      set -a at $words[$i] $words[(math $i + 1)]
    end
  end
  set -l names (timeout 2 aviary $argv $at 2>/dev/null)
  if test "$argv[1]" = get
    string replace -r '.*/' '' -- $names
  else
    string join \\n -- $names
  end
end`;

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
  const own = rows.flatMap(({ name, options, words }) => {
    const condition = name
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    const lines = options.map((option) => {
      const { short, long, takesValue, text } = option;
      const value = takesValue ? ` -r ${offerInFish(valuesOf(option))}` : "";
      return `complete -c aviary -n "${condition}"${short === undefined ? "" : ` -s ${short}`} -l ${long}${value} -d ${quote(text)}`;
    });
    return [`complete -c aviary -n "${condition}" ${offerInFish(words)}`, ...lines];
  });
  return `${[FISH_NAMES, ...first, ...later, ...own].join("\n")}\n`;
}
