// The tag: <niteru-similar> on a shop's page. One classic script, so that it knows where it came from.
import { makeElement } from "./element";

const script = document.currentScript;
const home = script instanceof HTMLScriptElement && script.src !== "" ? new URL(".", script.src).href : "";

// A browser without these shows nothing, as one without scripts does.
if ("adoptedStyleSheets" in Document.prototype && !customElements.get("niteru-similar")) {
    customElements.define("niteru-similar", makeElement(home));
}
