// SPDX-License-Identifier: Apache-2.0
// What the tag tells of visitors, on pages of another origin: what was really seen and clicked, once each, and nothing of
// those who do not want it. Time is the page's own clock, which stands still until a test lets it go on.
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { HEIGHT, loaded, openPages, PRODUCT, shown } from "./foreign.mjs";
import { assertFits, openBrowser, openShop, until, violations } from "./support.mjs";

const shop = await openShop(40), browser = await openBrowser();
const pages = await openPages(browser, shop), { key, makeKey, on, origin, pageOf, script, tag } = pages;
const secret = makeKey("secret", "server");
const EVENTS = "**/v1/events?*", SPACE = '<div class="space"></div>';

async function ask(method, path, body) {
    const headers = { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" };
    const answer = await fetch(shop.url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.status === 204 ? undefined : answer.json();
}
// What came of a scenario's answers, all arms together.
async function counted(scenario) {
    const { arms } = await ask("GET", `/v1/scenarios/${scenario}/report`);
    const sum = (what) => arms.reduce((all, arm) => all + arm[what], 0);
    return { answers: sum("answers"), impressions: sum("impressions"), clicks: sum("clicks"), purchases: sum("purchases") };
}
const comes = (scenario, wanted) => until(`${scenario}: ${JSON.stringify(wanted)}`, async () => {
    const got = await counted(scenario);
    return Object.entries(wanted).every(([what, count]) => got[what] === count);
});

// Notes what the page sends, at the moment when it does, and what niteru-report tells. With `still` its clock stands.
const noting = (still, init = () => {}) => async (page, context) => {
    if (still) {
        await page.clock.install();
        await page.clock.pauseAt(Date.now() + 1000);
    }
    await context.addInitScript(() => {
        Object.assign(globalThis, { sent: [], told: [] });
        document.addEventListener("niteru-report", ({ detail }) => globalThis.told.push(detail));
        const { fetch } = globalThis;
        globalThis.fetch = (address, init) => {
            if (address.includes("/v1/events")) {
                globalThis.sent.push({ address, events: JSON.parse(init.body) });
            }
            return fetch(address, init);
        };
    });
    await context.addInitScript(init);
};
const batches = (page) => page.evaluate(() => globalThis.sent);
const events = async (page, kind) => (await batches(page)).flatMap((one) => one.events).filter((one) => kind === undefined || one.kind === kind);
const told = (page) => page.evaluate(() => globalThis.told);
const kept = (page) => page.evaluate(() => ({ ...localStorage }));
const row = (page) => page.evaluate(() => new Promise((done) => { // once observers have told what is in sight
    const tile = document.querySelector("niteru-similar").shadowRoot.querySelector("li");
    new IntersectionObserver(([entry], observer) => (observer.disconnect(), done(entry.intersectionRatio))).observe(tile);
}));
// So that this share of the tiles is in the window, at its lower edge.
async function show(page, share) {
    await page.evaluate((part) => {
        const { top, height } = document.querySelector("niteru-similar").shadowRoot.querySelector("li").getBoundingClientRect();
        scrollTo(0, scrollY + top + part * height - innerHeight);
    }, share);
    const ratio = await row(page);
    assert.ok(Math.abs(ratio - Math.max(share, 0)) < 0.05, `${ratio} of a tile is in sight and not ${share}`);
}
const see = (page, state) => page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}, state);

test("seen is half a tile for a second, in a window in sight, each product once", on(
    () => pageOf(SPACE + tag('report scenario="seen" k="8"') + SPACE), async (page) => {
        await page.waitForSelector("#below");
        await page.evaluate((y) => scrollTo(0, y), 2 * HEIGHT);
        await loaded(page);
        const steps = [[0.4, 5000], [-0.5, 1000], [0.6, 900], [0.4, 900], [0.6, 900]];
        for (const [share, ms] of steps) { // never half of it for a second
            await show(page, share);
            await page.clock.runFor(ms);
        }
        await see(page, "hidden");
        await page.clock.runFor(5000);
        await see(page, "visible");
        await page.clock.runFor(900);
        assert.deepEqual(await events(page, "impression"), []);
        await page.clock.runFor(1200);
        const seen = await events(page, "impression");
        const id = Object.values(await kept(page))[0];
        assert.match(id, /^[\w-]{22}$/);
        assert.deepEqual(seen.map(({ position }) => position), [0, 1, 2, 3, 4]);
        assert.equal(new Set(seen.map(({ product }) => product)).size, 5);
        assert.equal(new Set((await events(page)).map((one) => one.id)).size, 6);
        for (const { rec_id, session, scenario, time } of seen) {
            assert.deepEqual([rec_id.length, session, scenario, time], [14, id, "seen", undefined]);
        }
        const views = await events(page, "view");
        assert.deepEqual(views.map(({ product, session }) => [product, session]), [[PRODUCT, id]]);
        await comes("seen", { answers: 1, impressions: 5 });
        // Those beside the window are seen when the row is scrolled to them; nothing is told again.
        await page.evaluate(() => document.querySelector("niteru-similar").shadowRoot.querySelector("ul").scrollTo(9999, 0));
        await row(page);
        await page.clock.runFor(2100);
        assert.deepEqual((await events(page, "impression")).map(({ position }) => position), [0, 1, 2, 3, 4, 5, 6, 7]);
        await comes("seen", { answers: 1, impressions: 8 });
        // What is brought again is known.
        for (const { address, events: again } of await batches(page)) {
            const answer = await (await fetch(address, { method: "POST", body: JSON.stringify(again) })).json();
            assert.deepEqual([answer.new, answer.known], [0, again.length]);
        }
        assert.deepEqual(await counted("seen"), { answers: 1, impressions: 8, clicks: 0, purchases: 0 });
    }, { before: noting(true) }));

// A browser without requests that outlive a page (Firefox before 133) has beacons.
const OLD = "delete Request.prototype.keepalive;";
const BEACONS = `const { sendBeacon } = Navigator.prototype;
    Navigator.prototype.sendBeacon = function (...what) { sessionStorage.setItem("beacon", "sent"); return sendBeacon.apply(this, what); };`;

for (const [by, init, beacon] of [["a request", BEACONS, null], ["a beacon", BEACONS + OLD, "sent"]]) {
    const asked = [], scenario = by.slice(2);
    test(`a click arrives by ${by}, though the page is left for it; without a cookie, without asking first`, on(
        () => pageOf(tag(`report scenario="${scenario}" link="/to/{id}"`)), async (page) => {
            await until("the view is told", async () => asked.length > 0);
            const headers = await asked[0].allHeaders();
            assert.deepEqual([headers.cookie, headers["content-type"]], [undefined, "text/plain;charset=UTF-8"]);
            await page.locator("niteru-similar a").nth(2).click();
            await page.waitForURL("**/to/*");
            await comes(scenario, { answers: 1, clicks: 1 });
            assert.equal(await page.evaluate(() => sessionStorage.getItem("beacon")), beacon);
        }, { before: async (page, context) => {
            context.on("request", (request) => request.url().includes("/v1/events") && asked.push(request));
            await context.addInitScript(init);
            await context.addCookies([{ name: "session", value: "secret", url: shop.url }]);
        } }));
}

test("what was bought counts for the row that led there, from a page without one", on(
    () => pageOf(tag('report scenario="bought" link="/to/{id}"')), async (page) => {
        await loaded(page);
        await page.evaluate(() => document.addEventListener("niteru-click", (event) => event.preventDefault()));
        await page.locator("niteru-similar a").nth(1).click();
        await comes("bought", { clicks: 1 });
        const [{ product, session, position }] = await events(page, "click");
        assert.equal(position, 1);
        pages.make = () => pageOf("Thank you.", { head: script(`async data-key="${key}" data-report`) });
        await page.reload();
        assert.equal(await page.evaluate(() => globalThis.niteru.session), session);
        await page.evaluate((id) => globalThis.niteru.report({ kind: "purchase", product: id, value: 19.5, currency: "EUR" }), product);
        await comes("bought", { clicks: 1, purchases: 1 });
        const { arms } = await ask("GET", "/v1/scenarios/bought/report");
        assert.deepEqual(arms.map(({ revenue }) => revenue.EUR).filter(Boolean), [19.5]);
        // And when they sign in, the shop's server takes along what the session did.
        await ask("POST", "/v1/users:merge", { session, user: "signed-in" });
        const { events: known } = await ask("GET", "/v1/users/signed-in/export");
        assert.deepEqual(known.filter(({ kind }) => ["click", "purchase"].includes(kind)).map((one) => one.product), [product, product]);
    }, { before: noting(false) }));

const refuse = (name, value) => `Object.defineProperty(navigator, ${JSON.stringify(name)}, { value: ${JSON.stringify(value)} });
    window.niteru = [{ kind: "cart", product: "${PRODUCT}" }];`;
const DO_NOT = refuse("doNotTrack", "1"), CONTROL = refuse("globalPrivacyControl", true), ALLOWED = refuse("doNotTrack", "0");

for (const [name, report, init, wanted] of [
    ["without the attribute", "", ALLOWED, false], ["report=false", 'report="false"', ALLOWED, false],
    ["Do Not Track", "report", DO_NOT, false], ["Global Privacy Control", "report", CONTROL, false],
    ["neither", "report", ALLOWED, true], ["always, with Do Not Track", 'report="always"', DO_NOT, true],
    ["always, with Global Privacy Control", 'report="always"', CONTROL, true],
]) {
    const asked = [];
    test(`who is reported: ${name}`, on(() => pageOf(tag(report) + `<niteru-recommend product="${PRODUCT}" key="${key}" ${report}></niteru-recommend>`), async (page) => {
        await loaded(page, 2);
        await page.clock.runFor(3000);
        await page.evaluate((product) => {
            document.querySelector("niteru-similar").shadowRoot.querySelector("li").click();
            globalThis.niteru.push({ kind: "favourite", product });
        }, PRODUCT);
        await see(page, "hidden");
        const session = Object.values(await kept(page));
        assert.equal(session.length, wanted ? 1 : 0);
        assert.equal(await page.evaluate(() => globalThis.niteru.session), session[0]);
        assert.deepEqual(new Set((await events(page)).map(({ kind }) => kind)), new Set(wanted ? ["view", "cart", "favourite", "impression"] : []));
        const similar = new URL(asked.find((one) => one.url().includes("/similar?")).url()).searchParams;
        assert.deepEqual([similar.get("log"), similar.get("session")], wanted ? ["1", session[0]] : [null, null]);
        const feed = asked.find((one) => one.url().includes("/v1/session/recommend")).postDataJSON();
        assert.deepEqual(feed, { k: 5, scenario: "default", exclude: [PRODUCT], ...(wanted ? { session: session[0] } : {}) });
        assert.equal(asked.some((one) => one.url().includes("/v1/events")), wanted);
    }, { before: async (page, context) => {
        context.on("request", (request) => asked.push(request));
        await noting(true, init)(page, context);
    } }));
}

test("consent that is given and taken back", on(() => pageOf(tag('scenario="consent"')), async (page) => {
    await loaded(page);
    const push = () => page.evaluate((product) => globalThis.niteru.push({ kind: "cart", product }), PRODUCT);
    await push(); // not agreed yet: it is not told afterwards either
    for (const [loads, report] of [[2, ""], [3, "always"]]) { // which asks again, and is no second view of the page
        await page.evaluate((value) => document.querySelector("niteru-similar").setAttribute("report", value), report);
        await loaded(page, loads);
    }
    await push();
    await page.clock.runFor(3000);
    assert.deepEqual((await events(page)).map(({ kind }) => kind).sort(), ["cart", ...Array(5).fill("impression"), "view"]);
    await page.evaluate(() => document.querySelector("niteru-similar").removeAttribute("report"));
    await loaded(page, 4);
    await push();
    await page.clock.runFor(5000);
    assert.equal((await events(page)).length, 7);
    await comes("consent", { answers: 2, impressions: 5 });
}, { before: noting(true) }));

test("a page that is opened out of sight is looked at when it comes in sight", on(() => pageOf(tag("report")), async (page) => {
    await loaded(page);
    await row(page);
    await page.clock.runFor(5000);
    assert.deepEqual(await events(page), []);
    await see(page, "visible");
    await page.clock.runFor(2100);
    assert.deepEqual((await events(page)).map(({ kind }) => kind), ["view", ...Array(5).fill("impression")]);
}, { before: noting(true, 'Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });') }));

const QUEUE = `globalThis.niteru = [{ kind: "cart", product: "${PRODUCT}" }, [{ kind: "view", product: "${PRODUCT}" },
    { kind: "dismiss", product: "${PRODUCT}" }], (niteru) => { globalThis.heard = niteru.session; }]; globalThis.same = globalThis.niteru;`;
const heavy = "globalThis.circle = { kind: 'cart' }; globalThis.circle.circle = globalThis.circle;";

test("what is pushed before the script is there is told, and what makes no sense harms nothing", on(() => pageOf(SPACE + tag("report")), async (page) => {
    await page.waitForFunction(() => globalThis.heard !== undefined);
    assert.equal(await page.evaluate(() => globalThis.niteru === globalThis.same && globalThis.niteru.length), 0);
    await page.evaluate((product) => {
        const { niteru, circle } = globalThis;
        niteru.push(circle, undefined, null, 7, "cart", { kind: "cart", product, value: 10n }, { kind: "buy", product }, { kind: "cart", product: "none" });
        niteru.report([{ kind: "cart", product, session: "another's" }, { kind: "favourite", product, id: "by the shop" }]);
    }, PRODUCT);
    await page.clock.runFor(1100);
    await until("the answer", async () => (await told(page)).length === 1);
    const all = await events(page), session = await page.evaluate(() => globalThis.heard);
    assert.deepEqual(all.map(({ kind }) => kind), ["view", "cart", "view", "dismiss", "buy", "cart", "cart", "favourite"]);
    assert.ok(all.every((one) => one.session === session));
    assert.equal(all.at(-1).id, "by the shop");
    const [{ status, answer }] = await told(page);
    assert.deepEqual([status, answer.new, answer.refused], [200, 6, 2]);
    assert.deepEqual(answer.events.flatMap((one) => one.field ?? []), ["kind", "product"]);
    // Twenty are not kept waiting for the second.
    await page.evaluate((product) => globalThis.niteru.push(Array.from({ length: 45 }, () => ({ kind: "view", product }))), PRODUCT);
    assert.deepEqual((await batches(page)).map((one) => one.events.length).slice(1), [20, 20]);
}, { before: noting(true, heavy + QUEUE) }));

test("a name that is taken stays, and the row is there", on(() => pageOf(tag("report")), async (page) => {
    await loaded(page);
    assert.equal(await page.evaluate(() => globalThis.niteru.mine), 1);
}, { before: noting(false, "globalThis.niteru = { mine: 1 };") }));

const DENIED = `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });`;

test("where nothing may be stored, the session lasts as long as the page", on(() => pageOf(tag('report scenario="unkept"')), async (page) => {
    await loaded(page);
    const session = await page.evaluate(() => globalThis.niteru.session);
    assert.match(session, /^[\w-]{22}$/);
    assert.equal(await page.evaluate(() => globalThis.niteru.session), session);
    await comes("unkept", { answers: 1, impressions: 5 });
    assert.deepEqual(new Set((await events(page)).map((one) => one.session)), new Set([session]));
}, { before: noting(false, DENIED) }));

const refusal = (status, headers = {}) => (route) => route.fulfill({ status, json: { code: "busy" }, headers: { "Access-Control-Allow-Origin": "*", ...headers } });
const pushed = async (page) => (await batches(page)).filter((one) => one.events.some(({ kind }) => kind === "cart")).map((one) => one.events);

for (const [name, answer, status, tries] of [
    ["is away", (route) => route.abort(), 0, 4], ["is overloaded", refusal(429), 429, 4], ["is at a loss", refusal(503), 503, 4],
    ["takes no such thing", refusal(403), 403, 1],
]) {
    test(`a service that ${name} is asked ${tries} times, and nobody hears of it`, on(() => pageOf(SPACE + tag("report")), async (page) => {
        await page.waitForFunction(() => globalThis.niteru?.session !== undefined);
        await page.evaluate((product) => globalThis.niteru.push({ kind: "cart", product }), PRODUCT);
        await until("the end", async () => {
            await page.clock.runFor(10_000);
            return (await told(page)).length === 1;
        });
        await page.clock.runFor(600_000);
        assert.equal((await told(page))[0].status, status);
        const all = await pushed(page);
        assert.equal(all.length, tries);
        assert.equal(new Set(all.map(([, cart]) => cart.id)).size, 1);
    }, { before: async (page, context) => {
        await noting(true)(page, context);
        await page.route(EVENTS, answer);
    } }));
}

test("a service that was away for a moment hears everything once, and when it was", on(() => pageOf(SPACE + tag("report")), async (page) => {
    await page.waitForFunction(() => globalThis.niteru?.session !== undefined);
    const { product, since } = await page.evaluate((id) => {
        globalThis.niteru.push({ kind: "cart", product: id });
        return { product: id, since: Date.now() / 1000 };
    }, PRODUCT);
    await page.clock.runFor(1100);
    await until("one try failed", async () => (await pushed(page)).length === 1);
    await page.unroute(EVENTS);
    await until("it is told", async () => {
        await page.clock.runFor(1000);
        return (await told(page)).length === 1;
    });
    const [first, second] = await pushed(page);
    const session = await page.evaluate(() => globalThis.niteru.session);
    assert.deepEqual(first.map(({ id }) => id), second.map(({ id }) => id));
    assert.deepEqual(second.filter(({ kind }) => kind === "cart").map(({ time }) => time), [since]);
    assert.deepEqual((await told(page)).map(({ answer }) => [answer.new, answer.refused]), [[2, 0]]);
    await ask("POST", "/v1/users:merge", { session, user: "patient" });
    const { events: known } = await ask("GET", "/v1/users/patient/export");
    assert.deepEqual(known.map((one) => [one.kind, one.product]).sort(), [["cart", product], ["view", product]]);
}, { before: async (page, context) => {
    await noting(true)(page, context);
    await page.route(EVENTS, (route) => route.abort());
} }));

function signed(user) {
    const until = Math.floor(Date.now() / 1000) + 3600, by = createHash("sha256").update(secret).digest();
    return `user="${user}" signature="${until}.${createHmac("sha256", by).update(`${user}\n${until}`).digest("hex")}"`;
}
const forYou = (more = "") => `<niteru-recommend key="${key}" ${more}></niteru-recommend>`;

test("for a user whom the shop's server vouches for: their answers, and their reports", on(
    () => pageOf(forYou(signed("known") + ` product="${PRODUCT}" report scenario="for-you" link="/to/{id}"`)), async (page) => {
        await loaded(page);
        const hrefs = await page.locator("niteru-recommend a").evaluateAll((all) => all.map((one) => one.pathname));
        assert.equal(hrefs.length, 5);
        assert.ok(!hrefs.includes("/to/" + PRODUCT)); // which the page is about
        assert.equal(await page.locator("niteru-recommend h2").textContent(), "For you");
        await comes("for-you", { answers: 1, impressions: 5 });
        assert.deepEqual(await kept(page), {}); // a session is not needed
        const sent = await events(page);
        assert.ok(sent.length >= 5 && sent.every((one) => one.user === "known" && one.session === undefined));
        await page.locator("niteru-recommend a").first().click();
        await comes("for-you", { answers: 1, clicks: 1 });
    }, { before: noting(false) }));

test("a session's next answer knows what it looked at; a wrong signature shows nothing", on(
    () => pageOf(tag("report") + forYou('report scenario="session"')), async (page) => {
        await loaded(page, 2);
        await until("the view is told", async () => (await told(page)).length > 0);
        const answer = page.waitForResponse("**/v1/session/recommend?*");
        await page.evaluate(() => document.querySelector("niteru-recommend").setAttribute("k", "6"));
        assert.deepEqual((await (await answer).json()).tastes.map(({ product }) => product), [PRODUCT]);
        await loaded(page, 3);
        assert.equal(await page.locator("niteru-recommend li").count(), 6);
        await page.evaluate(() => Object.entries({ user: "me", signature: `1.${"0".repeat(64)}` }).forEach(([name, value]) =>
            document.querySelector("niteru-recommend").setAttribute(name, value)));
        await loaded(page, 4);
        assert.deepEqual((await page.evaluate(() => globalThis.loads)).at(-1), { count: 0, problem: "not-signed" });
    }, { before: noting(false) }));

for (const [width, lang, dark] of [[360, "ja", true], [1200, "en", false]]) {
    test(`for everyone: ${width} ${lang}`, on(() => pageOf(forYou('link="/p/{id}"'), { attributes: `class="${dark ? "dark" : ""}"`, lang }), async (page) => {
        await until("photos", async () => (await shown(page)) >= 2);
        assert.equal(await page.locator("niteru-recommend h2").textContent(), lang === "ja" ? "あなたへのおすすめ" : "For you");
        await assertFits(page, "for you");
        assert.deepEqual(await violations(page), []);
        if (process.env.NITERU_SCREENSHOTS) {
            await page.screenshot({ path: `${process.env.NITERU_SCREENSHOTS}/for-you-${width}-${lang}.png` });
        }
    }, { width, bypassCSP: true }));
}

test("a page of another origin than the key's reports nothing", on(
    () => pageOf(`<niteru-similar product="${PRODUCT}" key="${makeKey("publishable", "other", "--origin", "https://other.example")}" report scenario="foreign"></niteru-similar>`),
    async (page) => {
        await until("refused", async () => (await told(page)).length > 0);
        assert.deepEqual((await told(page)).map(({ status, answer }) => [status, answer.code]), [[403, "origin-not-allowed"]]);
        assert.notEqual(origin, "https://other.example");
    }, { before: noting(false) }));
