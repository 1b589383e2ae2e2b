/** CanaryAction, CanaryFreeze and CanaryRun: what people ask of a rollout, what holds it, and what happened in it. */
import { STEERING_GROUP, STEERING_VERSION, VERBS } from "../core/people/steering.ts";
import { type CrdObject, column, crd, wideColumn } from "./definition.ts";
import { anything, boolean, integer, list, map, object, type Schema, string } from "./schema.ts";

const OURS = { group: STEERING_GROUP, version: STEERING_VERSION };
const NAME = { maxLength: 253, minLength: 1 };
const TEXT = { maxLength: 1024 };
const DURATION = { pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$", maxLength: 32 };

/** The CustomResourceDefinition of CanaryAction. */
export function canaryActionCrd(): CrdObject {
  return crd({
    ...OURS,
    kind: "CanaryAction",
    plural: "canaryactions",
    columns: [
      column("Canary", ".spec.canary"),
      column("Verb", ".spec.verb"),
      column("By", ".spec.by"),
      column("Phase", ".status.phase"),
      wideColumn("Message", ".status.message"),
    ],
    schema: object(
      { spec: actionSpec(), status: actionStatus() },
      { required: ["spec"], about: "One wish of one person: pause, approve, promote, abort or another verb." },
    ),
  });
}

function actionSpec(): Schema {
  const expect = object(
    {
      run: string({ ...NAME, about: "Name of the run." }),
      revision: string({ ...NAME, about: "Hash of the revision: status.lastAppliedSpec of the Canary." }),
      step: integer({ minimum: 0, about: "The step that the run stands on." }),
    },
    { about: "The situation that the person saw. The action is refused when it has changed since." },
  );
  const to = object(
    {
      step: integer({ minimum: 1, about: "skip: the step to go to." }),
      weight: integer({ minimum: 0, maximum: 100, about: "skip, set-weight: percent of the traffic." }),
      run: string({ ...NAME, about: "undo: the run whose revision the primary gets back." }),
    },
    { about: "Where to." },
  );
  return object(
    {
      canary: string({ ...NAME, about: "Name of the Canary, in this namespace." }),
      verb: string({ enum: VERBS, about: "What to do." }),
      expect,
      by: string({ ...NAME, about: "The user who asks." }),
      reason: string({ ...TEXT, about: "For the record." }),
      expiresAfter: string({ ...DURATION, about: "Nothing is done any more after this time. Default: 10m." }),
      gate: string({ ...NAME, about: "approve, refuse: name of the webhook; else the one that waits." }),
      to,
      for: string({ ...DURATION, about: "pause: ends by itself after this time." }),
      freezeChecks: boolean({ about: "pause: checks are not asked meanwhile, so nothing rolls back." }),
      gatesToo: boolean({ about: "skip: gates in between are not asked." }),
    },
    {
      required: ["canary", "verb", "by"],
      about: "Created once, never changed.",
      rules: [
        { rule: "self == oldSelf", message: "an action cannot be changed: create another one" },
        {
          rule: "self.verb != 'override' || (has(self.reason) && self.reason != '')",
          message: "an override needs a reason",
        },
      ],
    },
  );
}

function actionStatus(): Schema {
  return object(
    {
      phase: string({ enum: ["Applied", "Refused", "Expired"], about: "What became of it." }),
      message: string({ about: "What was done, or why nothing was done." }),
      at: string({ format: "date-time", about: "When that was decided." }),
      run: string({ about: "The run that it acted on." }),
    },
    { about: "Written by the operator, once." },
  );
}

/** The CustomResourceDefinition of CanaryFreeze. */
export function canaryFreezeCrd(): CrdObject {
  return crd({
    ...OURS,
    kind: "CanaryFreeze",
    plural: "canaryfreezes",
    columns: [
      column("By", ".spec.by"),
      column("Until", ".spec.until"),
      column("Schedule", ".spec.schedule"),
      column("Reason", ".spec.reason"),
    ],
    schema: object(
      {
        spec: object(
          {
            canaries: list(string({ ...NAME, about: "Name of a Canary." }), {
              maxItems: 256,
              about: "Names of Canaries; all of this namespace if empty.",
            }),
            from: string({ format: "date-time", about: "Default: at once." }),
            until: string({ format: "date-time", about: "Default: until the object is deleted." }),
            by: string({ ...NAME, about: "The user who asks." }),
            reason: string({ ...TEXT, about: "Shown where a release waits." }),
            runs: string({ enum: ["finish", "hold"], about: "What becomes of runs under way. Default: finish." }),
            scope: string({
              enum: ["namespace", "cluster"],
              about:
                "cluster: every namespace; counts only in the namespace of the operator's Lease. Default: namespace.",
            }),
            selector: object(
              { matchLabels: map(string(), { about: "Labels that a Canary must carry." }) },
              { about: "Which Canaries are frozen; any if empty." },
            ),
            schedule: string({
              ...{ minLength: 9, maxLength: 128 },
              about: 'When windows begin, as five fields of cron: "0 18 * * 5" is Friday, 18:00. Needs duration.',
            }),
            duration: string({ ...DURATION, about: "How long each window of the schedule is." }),
            timeZone: string({ ...NAME, about: 'Zone of the schedule, e.g. "Europe/Berlin". Default: UTC.' }),
          },
          {
            required: ["by"],
            about: "What is frozen, until when, and why.",
            rules: [{ rule: "has(self.schedule) == has(self.duration)", message: "schedule and duration go together" }],
          },
        ),
      },
      { required: ["spec"], about: "While it stands, no run begins in its namespace." },
    ),
  });
}

/** The CustomResourceDefinition of CanaryRun. */
export function canaryRunCrd(): CrdObject {
  return crd({
    ...OURS,
    statusSubresource: false,
    kind: "CanaryRun",
    plural: "canaryruns",
    columns: [
      column("Canary", ".spec.canary"),
      column("Verdict", ".status.verdict"),
      column("Started", ".spec.startedAt"),
      column("What", ".status.sentence"),
    ],
    schema: object(
      { spec: runSpec(), status: runStatus() },
      { required: ["spec"], about: "What happened in one run of a Canary. Written by the operator; it never steers." },
    ),
  });
}

function runSpec(): Schema {
  const images = (whose: string) => map(string(), { about: `Images of the containers of ${whose}.` });
  return object(
    {
      version: integer({ about: "Version of this record." }),
      canary: string({ about: "Name of the Canary." }),
      canaryUid: string({ about: "Uid of the Canary." }),
      startedAt: string({ format: "date-time", about: "When the run began." }),
      revision: string({ about: "Hash of what is released." }),
      previousRevision: string({ about: "Hash of what the primary runs." }),
      digest: string({ about: "SHA-256 of the pod template of the target." }),
      previousDigest: string({ about: "SHA-256 of the pod template of the primary." }),
      promotionId: string({ about: "What the primary carries once this revision is promoted." }),
      images: images("the target"),
      previousImages: images("the primary"),
      changedConfigs: list(string(), { about: "Names of ConfigMaps and Secrets; never what they hold." }),
      strategy: string({ about: "canary, ab-testing or blue-green." }),
      threshold: integer({ about: "Failed checks that end the run." }),
      intervalMs: integer({ about: "Interval of the analysis in milliseconds." }),
      steps: list(anything(), { about: "Weight, mirror and gates of each step." }),
    },
    { about: "What is released, known when the run begins." },
  );
}

function runStatus(): Schema {
  return object(
    {
      verdict: string({ about: "running, promoted, rolled-back, superseded, reverted or deleted." }),
      sentence: string({ about: "Why, in one sentence with numbers." }),
      cause: anything({ about: "Why, as data." }),
      phase: string({ about: "The phase of the Canary." }),
      step: integer({ about: "The step that the run stands on, or ended on." }),
      weight: integer({ about: "Percent of the traffic of the canary." }),
      failedChecks: integer({ about: "Checks that failed so far." }),
      endedAt: string({ format: "date-time", about: "When the run ended; absent while it is under way." }),
      checks: list(anything(), { about: "Every question and its answer." }),
      folded: map(anything(), { about: "Checks that are left out of the list: how many, and their values." }),
      queries: map(string(), { about: "The query of each check, as it was sent last." }),
      timeline: list(anything(), { about: "The events, with step and weight." }),
      traffic: list(anything(), { about: "The split at each judged interval, promised and measured." }),
      offSplit: anything({ about: "Requests were not split as promised: both shares, and counts." }),
      alerts: list(anything(), { about: "Alerts that the run owed." }),
      people: list(anything(), { about: "Actions and what became of them." }),
      requests: anything({ about: "Requests and failures of canary and primary." }),
      journal: string({ about: "Gzipped turns in base64: aviary replay reads them." }),
      gaps: integer({ about: "Turns that are missing from this record." }),
    },
    { about: "What happened so far." },
  );
}
