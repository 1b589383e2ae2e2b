/** What `kubectl apply` remembers of an object: the manifest of its owner. */
export const KUBECTL_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Where we remember the spec of an object that was there before us, as JSON. */
export const ORIGINAL_ANNOTATION = "flagger.kubernetes.io/original-configuration";
