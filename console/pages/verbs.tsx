/** The buttons that steer a release. A button says what it would do now; one that cannot be used says why. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { CanaryView, VerbView } from "../../src/console/types.ts";
import { me, post } from "../api.ts";
import { refusedOf } from "./reading.ts";

const LABELS: Readonly<Record<string, string>> = {
  pause: "Pause",
  resume: "Resume",
  approve: "Approve",
  refuse: "Refuse",
  promote: "Next step now",
  "promote-full": "Promote to the end",
  abort: "Abort",
  retry: "Retry",
  undo: "Undo",
};

const GRAVE = ["promote-full", "abort", "undo", "refuse"];

/** A button says what it would do now. One that cannot be used says why. */
export function Verbs({ view, done }: { view: CanaryView; done: () => void }) {
  const asked = useSignal<VerbView | undefined>(undefined);
  const said = useSignal<{ readonly ok: boolean; readonly text: string } | undefined>(undefined);
  const off = me.value?.steeringOff;
  if (off !== undefined) return <p class="notice">{off}</p>;
  const useful = view.verbs.filter(({ refusal }) => refusal === undefined);
  const others = view.verbs.filter(({ refusal }) => refusal !== undefined);
  return (
    <section aria-labelledby="steer">
      <h2 id="steer">Steer</h2>
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
            {LABELS[verb.verb]}
          </button>
        ))}
        {useful.length === 0 && <span class="dim">Nothing can be done now.</span>}
      </div>
      {others.length > 0 && (
        <details>
          <summary>Why the others cannot be used</summary>
          <ul>
            {others.map(({ verb, refusal }) => (
              <li key={verb}>
                <b>{LABELS[verb]}</b>: {refusal}
              </li>
            ))}
          </ul>
        </details>
      )}
      {said.value !== undefined && (
        <p class={`notice ${said.value.ok ? "good" : "bad"}`} role="alert">
          {said.value.text}
        </p>
      )}
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
  readonly close: (result?: { ok: boolean; text: string }) => void;
}

function Confirm({ verb, view, close }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useSignal("");
  const busy = useSignal(false);
  useEffect(() => dialog.current?.showModal(), []);
  const send = async () => {
    busy.value = true;
    const body = { verb: verb.verb, reason: reason.value, step: view.step };
    const result = await post<{ phase: string; message: string }>(
      `/canaries/${view.namespace}/${view.name}/actions`,
      body,
    ).then(
      ({ phase, message }) => ({ ok: phase === "Applied", text: `${LABELS[verb.verb]}: ${message || phase}` }),
      (error: unknown) => ({ ok: false, text: `${LABELS[verb.verb]}: ${refusedOf(error).message}` }),
    );
    close(result);
  };
  return (
    <dialog ref={dialog} onClose={() => close()} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{LABELS[verb.verb]}?</h2>
      <p>{verb.effect}</p>
      <label>
        Reason (optional){" "}
        <input
          value={reason.value}
          maxLength={500}
          onInput={(event) => {
            reason.value = event.currentTarget.value;
          }}
        />
      </label>
      <div class="verbs">
        <button
          type="button"
          class={GRAVE.includes(verb.verb) ? "grave" : "main"}
          disabled={busy.value}
          onClick={() => void send()}
        >
          {busy.value ? "Asking the operator …" : LABELS[verb.verb]}
        </button>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
      </div>
    </dialog>
  );
}
