/** An alert, and what one kind of chat or webhook service needs to send it. */
import type { Severity } from "../core/spec/spec.ts";

export interface AlertField {
  readonly name: string;
  readonly value: string;
}

export interface AlertMessage {
  /** "name.namespace" of the Canary. */
  readonly workload: string;
  readonly message: string;
  readonly severity: Severity;
  readonly fields: readonly AlertField[];
}

export interface NotifierSettings {
  /** The service's address; with an empty one nothing is sent. */
  readonly address: string;
  /** "general" when absent; empty is an error where the service needs one. */
  readonly channel?: string;
  /** "flagger" when absent; empty is an error where the service needs one. */
  readonly username?: string;
  readonly token?: string;
  /** URL of an HTTP proxy; the environment's when absent or empty. */
  readonly proxy?: string;
}

/** The sender's name and the channel, with defaults filled in. */
export interface Speaker {
  readonly channel: string;
  readonly username: string;
}

/** One kind of service: pure. */
export interface NotifierKind {
  /** The name in error texts, e.g. "invalid Slack hook URL …". */
  readonly title: string;
  /** The name of its address in error texts. */
  readonly addressTitle: string;
  /** Whether it is an error to have no username or no channel. */
  readonly needsSpeaker: boolean;
  /** Whether a token is sent as bearer token. */
  readonly usesToken: boolean;
  /** Where to post, given the address as configured and parsed. */
  target(address: string, url: URL): URL;
  /** The JSON to post. */
  render(alert: AlertMessage, speaker: Speaker): object;
}

/**
 * Whether an entry of `analysis.alerts` wants an alert. An entry without a severity wants all of them (Q72: Flagger's
 * wants none, against its documentation); "warning" means "warn" (Q75).
 */
export function shouldSend(entrySeverity: string | undefined, alertSeverity: Severity): boolean {
  if (entrySeverity === "error") return alertSeverity === "error";
  if (entrySeverity === "warn" || entrySeverity === "warning") return alertSeverity !== "info";
  return true;
}

/** The address itself. */
export function asConfigured(_address: string, url: URL): URL {
  return url;
}
