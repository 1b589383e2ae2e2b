/** The buttons that steer a release. A button says what it would do now; one that cannot be used says why. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CanaryView, VerbView } from "../../src/console/types.ts";
import { me, post, refusedOf } from "../api.ts";
import { isEmbedded, Outcome, type Said } from "../parts.tsx";

/** What a button says: the effect, not the word for it. */
function labelOf(verb: string, { weight, step, plan, gates, phase }: CanaryView): string {
  const next = plan[step];
  const gate = gates.length === 0 ? "" : ` “${gates.join("” or “")}”`;
  switch (verb) {
    case "pause":
      return `Pause at ${weight} %`;
    case "resume":
      return `Resume from ${weight} %`;
    case "approve":
      return `Approve${gate}`;
    case "refuse":
      return `Refuse${gate}, roll back`;
    case "promote":
      return next === undefined || phase === "WaitingPromotion" ? "Promote now" : `Go to ${next.weight} % now`;
    case "promote-full":
      return "Promote without the remaining steps";
    case "abort":
      return "Abort, all traffic to the primary";
    case "retry":
      return "Retry this revision";
    case "undo":
      return "Undo, back to the release before";
    case "override":
      return "Go on despite the freeze";
    default:
      return verb;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  promote: "Next step",
  "promote-full": "Promote to the end",
};
const nameOf = (verb: string): string => NAMES[verb] ?? verb.charAt(0).toUpperCase() + verb.slice(1);

const GRAVE = ["promote-full", "abort", "undo", "refuse", "override"];

interface VerbsProps {
  readonly view: CanaryView;
  /** Only these verbs, and no heading: the others are on the page of the canary. */
  readonly only?: readonly string[];
  readonly done: () => void;
}

/** A button says what it would do now. One that cannot be used says why. */
export function Verbs({ view, only, done }: VerbsProps) {
  const asked = useSignal<VerbView | undefined>(undefined);
  const said = useSignal<Said | undefined>(undefined);
  const off = me.value?.steeringOff;
  if (isEmbedded) return null;
  if (off !== undefined) return <p class="notice">{off}</p>;
  const offered = view.verbs.filter(({ verb }) => only === undefined || only.includes(verb));
  const useful = offered.filter(({ refusal }) => refusal === undefined);
  const others = offered.filter(({ refusal }) => refusal !== undefined);
  return (
    <section aria-label={`Steer ${view.name}`}>
      {only === undefined && <h2>Steer</h2>}
      <div class="verbs">
        {useful.map((verb) => (
          <button
            key={verb.verb}
            type="button"
            class={GRAVE.includes(verb.verb) ? "grave" : ""}
            title={verb.effect}
            onClick={() => {
              asked.value = verb;
            }}
          >
            {labelOf(verb.verb, view)}
          </button>
        ))}
        {useful.length === 0 && <span class="dim">Nothing can be done now.</span>}
      </div>
      {others.length > 0 && only === undefined && (
        <details>
          <summary>Why the others cannot be used</summary>
          <ul>
            {others.map(({ verb, refusal }) => (
              <li key={verb}>
                <b>{nameOf(verb)}</b>: {refusal}
              </li>
            ))}
          </ul>
        </details>
      )}
      <Outcome said={said.value} />
      {asked.value !== undefined && (
        <Confirm
          verb={asked.value}
          view={view}
          close={(result) => {
            asked.value = undefined;
            if (result !== undefined) said.value = result;
            done();
          }}
        />
      )}
    </section>
  );
}

interface ConfirmProps {
  readonly verb: VerbView;
  readonly view: CanaryView;
  readonly close: (result?: Said) => void;
}

function Confirm({ verb, view, close }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useSignal("");
  const duration = useSignal("");
  const typed = useSignal("");
  const busy = useSignal(false);
  // A slip of the mouse promotes no release that has failed checks.
  const named = verb.verb === "promote-full" && view.failedChecks > 0;
  const needsReason = verb.verb === "override";
  useEffect(() => dialog.current?.showModal(), []);
  const send = async () => {
    busy.value = true;
    const seen = { step: view.step, run: view.runId, revision: view.revision };
    const body = { verb: verb.verb, reason: reason.value, for: duration.value, ...seen };
    const result = await post<{ phase: string; message: string }>(
      `/canaries/${view.namespace}/${view.name}/actions`,
      body,
    ).then(
      ({ phase, message }) => ({ ok: phase === "Applied", text: `${nameOf(verb.verb)}: ${message || phase}` }),
      (error: unknown) => ({ ok: false, text: `${nameOf(verb.verb)}: ${refusedOf(error).message}` }),
    );
    close(result);
  };
  return (
    <dialog ref={dialog} onClose={() => close()} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{labelOf(verb.verb, view)}?</h2>
      <p>{verb.effect}</p>
      <label>
        {needsReason ? "Reason, for the record" : "Reason (optional)"}{" "}
        <input
          value={reason.value}
          maxLength={500}
          onInput={(event) => {
            reason.value = event.currentTarget.value;
          }}
        />
      </label>
      {verb.verb === "pause" && (
        <label>
          For how long, e.g. 2h (until a person resumes it when empty){" "}
          <input
            value={duration.value}
            pattern="([0-9]+(ms|s|m|h))+"
            onInput={(event) => {
              duration.value = event.currentTarget.value;
            }}
          />
        </label>
      )}
      {named && (
        <label>
          {view.failedChecks} checks have failed. Type {view.name} to promote it all the same{" "}
          <input
            value={typed.value}
            onInput={(event) => {
              typed.value = event.currentTarget.value;
            }}
          />
        </label>
      )}
      <div class="verbs">
        <button
          type="button"
          class={GRAVE.includes(verb.verb) ? "grave" : "main"}
          disabled={busy.value || (named && typed.value !== view.name) || (needsReason && reason.value.trim() === "")}
          onClick={() => void send()}
        >
          {busy.value ? "Asking the operator …" : labelOf(verb.verb, view)}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}
