/**
 * Every command, in the order in which help lists them. Each is loaded when it runs: a load tester needs no sandbox,
 * and an operator no demo.
 */
import type { CommandRow } from "./command.ts";

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "demo",
    summary: "show a promotion and a rollback on a sandbox of its own",
    load: async () => (await import("./commands/demo.ts")).demoCommand,
  },
  {
    name: "sandbox up",
    summary: "start a cluster on this machine, in the background",
    load: async () => (await import("./commands/sandbox.ts")).sandboxUpCommand,
  },
  {
    name: "sandbox down",
    summary: "stop it and everything in it",
    load: async () => (await import("./commands/sandbox.ts")).sandboxDownCommand,
  },
  {
    name: "sandbox status",
    summary: "say whether it runs, and where",
    load: async () => (await import("./commands/sandbox.ts")).sandboxStatusCommand,
  },
  {
    name: "sandbox serve",
    summary: "run it in the foreground",
    load: async () => (await import("./commands/sandbox.ts")).sandboxServeCommand,
  },
  {
    name: "sandbox image add",
    summary: "let a program of this machine run for an image",
    load: async () => (await import("./commands/sandbox-image.ts")).sandboxImageAddCommand,
  },
  {
    name: "sandbox image list",
    summary: "list the images that stand for programs of this machine",
    load: async () => (await import("./commands/sandbox-image.ts")).sandboxImageListCommand,
  },
  {
    name: "sandbox image remove",
    summary: "let no program run for an image any more",
    load: async () => (await import("./commands/sandbox-image.ts")).sandboxImageRemoveCommand,
  },
  {
    name: "gitops up",
    summary: "let the sandbox's Flux deploy the walk-through from a Git repository",
    load: async () => (await import("./commands/gitops.ts")).gitopsUpCommand,
  },
  {
    name: "gitops bump",
    summary: "commit the next image of podinfo: a release by Git",
    load: async () => (await import("./commands/gitops.ts")).gitopsBumpCommand,
  },
  {
    name: "gitops status",
    summary: "show what Flux has fetched and applied",
    load: async () => (await import("./commands/gitops.ts")).gitopsStatusCommand,
  },
  {
    name: "console",
    summary: "see and steer the canaries of a cluster in a browser",
    load: async () => (await import("./commands/console.ts")).consoleCommand,
  },
  {
    name: "plan",
    summary: "show the steps, durations and gates that a Canary will go through",
    load: async () => (await import("./commands/plan.ts")).planCommand,
  },
  {
    name: "lint",
    summary: "say what is wrong with Canaries before they are applied",
    load: async () => (await import("./commands/lint.ts")).lintCommand,
  },
  {
    name: "convert",
    summary: "turn Canaries and Ingresses of NGINX into the Gateway API",
    load: async () => (await import("./commands/convert.ts")).convertCommand,
  },
  {
    name: "simulate",
    summary: "show what a Canary would do with a release, in virtual time",
    load: async () => (await import("./commands/simulate.ts")).simulateCommand,
  },
  {
    name: "apply",
    summary: "apply manifest files and folders to the cluster",
    load: async () => (await import("./commands/apply.ts")).applyCommand,
  },
  {
    name: "delete",
    summary: "delete the objects of manifest files, but nothing that others use",
    load: async () => (await import("./commands/delete.ts")).deleteCommand,
  },
  {
    name: "get",
    summary: "list Canaries (or other objects)",
    load: async () => (await import("./commands/get.ts")).getCommand,
  },
  {
    name: "describe",
    summary: "show a Canary (or another object) and its events, as kubectl does",
    load: async () => (await import("./commands/describe.ts")).describeCommand,
  },
  {
    name: "wait",
    summary: "wait until a Canary has reached a phase",
    load: async () => (await import("./commands/wait.ts")).waitCommand,
  },
  {
    name: "bump",
    summary: "set the next patch version of a Deployment's image: a new revision to try",
    load: async () => (await import("./commands/bump.ts")).bumpCommand,
  },
  {
    name: "list",
    summary: "list Canaries with one sentence each",
    load: async () => (await import("./commands/list.ts")).listCommand,
  },
  {
    name: "show",
    summary: "draw a Canary as a tree: steps, checks, gates, pods",
    load: async () => (await import("./commands/show.ts")).showCommand,
  },
  {
    name: "why",
    summary: "say why a release is where it is, or how it ended",
    load: async () => (await import("./commands/runs.ts")).whyCommand,
  },
  {
    name: "history",
    summary: "list the runs of a Canary",
    load: async () => (await import("./commands/runs.ts")).historyCommand,
  },
  {
    name: "run",
    summary: "print the record of a run",
    load: async () => (await import("./commands/runs.ts")).runCommand,
  },
  {
    name: "diff",
    summary: "compare two runs",
    load: async () => (await import("./commands/runs.ts")).diffCommand,
  },
  {
    name: "replay",
    summary: "print the turns of a run",
    load: async () => (await import("./commands/runs.ts")).replayCommand,
  },
  {
    name: "query",
    summary: "ask the checks of a Canary: query, value and verdict",
    load: async () => (await import("./commands/query.ts")).queryCommand,
  },
  {
    name: "alert test",
    summary: "send a test alert by an AlertProvider",
    load: async () => (await import("./commands/alert.ts")).alertTestCommand,
  },
  {
    name: "gates",
    summary: "list the releases that wait for a person",
    load: async () => (await import("./commands/gates.ts")).gatesCommand,
  },
  {
    name: "status",
    summary: "print how a release stands, or wait for its end, for CI",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  {
    name: "pause",
    summary: "hold a release at its weight; checks go on, and still roll back",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("pause"),
  },
  {
    name: "resume",
    summary: "go on with a release that is paused",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("resume"),
  },
  {
    name: "approve",
    summary: "let a release through the gate that it waits for, once",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("approve"),
  },
  {
    name: "refuse",
    summary: "close the gate that a release waits for: the release is rolled back",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("refuse"),
  },
  {
    name: "promote",
    summary: "take the next step now; --full: promote now",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("promote"),
  },
  {
    name: "abort",
    summary: "roll a release back",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("abort"),
  },
  {
    name: "retry",
    summary: "analyse a revision that failed once more",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("retry"),
  },
  {
    name: "undo",
    summary: "give the primary back what was promoted before",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("undo"),
  },
  {
    name: "skip",
    summary: "go forward to a later step",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("skip"),
  },
  {
    name: "set-weight",
    summary: "set the canary's share by hand, and hold it",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("set-weight"),
  },
  {
    name: "override",
    summary: "let one release go on during a freeze: an urgent fix",
    load: async () => (await import("./commands/verbs.ts")).verbCommand("override"),
  },
  {
    name: "check",
    summary: "say whether an installation can work",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  {
    name: "freeze",
    summary: "let no release begin",
    load: async () => (await import("./commands/freeze.ts")).freezeCommand,
  },
  {
    name: "thaw",
    summary: "end a freeze",
    load: async () => (await import("./commands/freeze.ts")).thawCommand,
  },
  {
    name: "freezes",
    summary: "list what is frozen",
    load: async () => (await import("./commands/freeze.ts")).freezesCommand,
  },
  {
    name: "completion",
    summary: "print completion for bash, zsh or fish",
    load: async () => (await import("./commands/completion.ts")).completionCommand,
  },
  {
    name: "operator",
    summary: "watch Canaries and run their rollouts",
    load: async () => (await import("./commands/operator.ts")).operatorCommand,
  },
  {
    name: "loadtester",
    summary: "serve the load tests and gates that webhooks call",
    load: async () => (await import("./commands/loadtester.ts")).loadtesterCommand,
  },
];
