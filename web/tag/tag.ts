// The tag: <niteru-similar> and <niteru-recommend> on a shop's page. One classic script, so that it knows where it came from.
import { recommend, similar } from "./ask";
import { makeElement } from "./element";
import { openQueue } from "./queue";
import { FOR_YOU, SIMILAR } from "./words";

const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : undefined;
const home = script?.src ? new URL(".", script.src).href.replace(/\/$/, "") : "";

// A browser without these shows nothing, as one without scripts does.
if ("adoptedStyleSheets" in Document.prototype && !customElements.get("niteru-similar")) {
    customElements.define("niteru-similar", makeElement(home, { request: similar, words: SIMILAR, scenario: "similar" }));
    customElements.define("niteru-recommend", makeElement(home, { request: recommend, words: FOR_YOU, scenario: "default" }));
    openQueue(script, home);
}
