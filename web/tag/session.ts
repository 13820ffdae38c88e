// A visitor without a name: an id that only this browser knows, in the storage of the shop's own pages.
const NAME = "niteru-session";
let unkept = ""; // where the browser keeps nothing: for as long as the page is there

// 128 random bits in 22 letters (base64url).
export function randomId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").slice(0, 22);
}

// It is looked up each time, so that a shop's page may take it away, as when somebody signs out.
export function sessionId(): string {
    try {
        const kept = localStorage.getItem(NAME) ?? "";
        if (/^[\w-]{22}$/.test(kept)) {
            return kept;
        }
        const made = randomId();
        localStorage.setItem(NAME, made);
        return made;
    } catch {
        return (unkept ||= randomId());
    }
}
