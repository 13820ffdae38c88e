// A publishable key may stand in the address. It is taken out before anything else sees it, and is to be exchanged.
const address = new URL(location.href);

export const keyInAddress = address.searchParams.get("key");

if (keyInAddress !== null) {
    address.searchParams.delete("key");
    history.replaceState(history.state, "", address);
}
